/**
 * What this folder uses of packages that are installed by `npm run bench` only, or come without types: so the
 * checks of the project need none of them.
 */

declare module "workerd" {
  /** The path of the runtime's binary, and its version. */
  const workerd: { readonly default: string; readonly version: string };
  export default workerd;
}

declare module "vega" {
  export function parse(spec: unknown): unknown;
  export class View {
    constructor(runtime: unknown, options: { renderer: "none" });
    toSVG(): Promise<string>;
  }
}

declare module "vega-lite" {
  export function compile(spec: unknown): { readonly spec: unknown };
}
