/** `room --watch`: follows a room over its socket, without being in it, until Ctrl-C. */

import type { End } from "../client/connection.ts";
import type { Frame } from "../client/server-frames.ts";
import { type WatchOptions, watchRoom } from "../client/watch.ts";
import { HEARTBEAT } from "../core/protocol.ts";
import { Api, roomPath } from "./api.ts";
import { CommandError } from "./command-error.ts";
import { WatchedRoom } from "./room-changes.ts";
import { Occupants } from "./shapes.ts";
import type { Target } from "./target.ts";
import { printable } from "./text.ts";
import { framesOutput, linesOutput, TableOutput, type WatchOutput } from "./watch-output.ts";

/** Shows a room until Ctrl-C. Throws a CommandError where the service refuses for good. */
export async function followRoom(
  target: Target,
  name: string,
  { isJson }: { isJson: boolean },
): Promise<void> {
  if (typeof WebSocket !== "function") {
    throw new CommandError(
      `--watch needs Node 22 or newer, and this is ${process.version}; without --watch the command works here too`,
    );
  }
  // A refused socket does not tell why it was; this call does, and it wants the same permission.
  await new Api(target).get(Occupants, roomPath(name));
  const room = new WatchedRoom();
  const output = outputFor(name, room, isJson);
  try {
    // One of the environment stays what it is: there is no use in coming back with it.
    const token = target.makesTokens ? () => target.token() : await target.token();
    await follow({ url: target.url, room: name, token }, { room, output });
  } finally {
    output.close();
  }
}

type Following = { readonly room: WatchedRoom; readonly output: WatchOutput };

function follow(
  { url, room: name, token }: WatchOptions,
  { room, output }: Following,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let isOpen = false;
    let tokenError: unknown;
    const ask = async () => {
      try {
        return typeof token === "function" ? await token() : token;
      } catch (error) {
        tokenError = error;
        throw error;
      }
    };
    const options = { url, room: name, token: typeof token === "function" ? ask : token };
    const connection = watchRoom(options, {
      received(frame, data) {
        if (data === HEARTBEAT) return;
        if (frame?.type === "welcome") {
          isOpen = true;
          output.notice(null);
        }
        output.show(String(data), isOccupancy(frame) ? room.apply(frame) : []);
      },
      ended(end) {
        const cause = causeOf(end, isOpen);
        isOpen = false;
        if (end.retryMs !== null && tokenError === undefined) {
          const seconds = (end.retryMs / 1_000).toFixed(1);
          return output.notice(`not connected (${cause}); trying again in ${seconds} s`);
        }
        finish();
        reject(tokenError ?? new CommandError(`the server closed the connection: ${cause}`));
      },
    });
    function interrupt(): void {
      finish();
      resolve();
    }
    function finish(): void {
      process.off("SIGINT", interrupt);
      connection.close();
    }
    process.once("SIGINT", interrupt);
  });
}

function isOccupancy(
  frame: Frame | null,
): frame is Extract<Frame, { type: "sync" | "diff" | "count" }> {
  return frame?.type === "sync" || frame?.type === "diff" || frame?.type === "count";
}

function causeOf({ reason }: End, wasOpen: boolean): string {
  if (reason.code !== "lost") return printable(reason.message);
  return wasOpen ? "the connection was lost" : "the server cannot be reached";
}

function outputFor(name: string, room: WatchedRoom, isJson: boolean): WatchOutput {
  if (isJson) return framesOutput();
  const isTerminal = process.stdout.isTTY && process.env["TERM"] !== "dumb";
  return isTerminal ? new TableOutput(name, room) : linesOutput();
}
