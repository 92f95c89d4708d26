/** Errors that end a command: a message for people, never a stack. */

/** The command was written wrongly: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The command was right, but the server refused or something failed: exit code 1. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  /** What the service answered; `undefined` where no answer came. */
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}
