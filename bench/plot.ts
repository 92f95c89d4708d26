/** Plots as SVG, drawn by Vega without a browser. Imported only once the benchmark's packages are installed. */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { parse, View } from "vega";
import { compile } from "vega-lite";

const WIDTH = 560;
const HEIGHT = 300;
/** Where bars begin. */
const BAR_MIN = 1;
const LEGEND_WIDTH = 300;

export type Point = { readonly series: string; readonly x: number; readonly y: number };
export type Bar = { readonly group: string; readonly series: string; readonly y: number };

type Axis = { readonly title: string; readonly isLog?: boolean };

/** Lines over a number. */
export function plotLines(
  file: string,
  { title, x, y }: { title: string; x: Axis; y: Axis },
  points: readonly Point[],
): Promise<void> {
  return draw(file, {
    title,
    data: { values: points },
    mark: { type: "line", point: true },
    encoding: {
      x: { field: "x", type: "quantitative", title: x.title, scale: scaleOf(x) },
      y: { field: "y", type: "quantitative", title: y.title, scale: scaleOf(y) },
      color: { field: "series", type: "nominal", title: null },
    },
  });
}

/** Bars side by side, for each group. */
export function plotBars(
  file: string,
  { title, y }: { title: string; y: Axis },
  bars: readonly Bar[],
): Promise<void> {
  return draw(file, {
    title,
    data: { values: bars },
    mark: { type: "bar" },
    encoding: {
      x: { field: "group", type: "nominal", title: null, sort: null, axis: { labelAngle: -30 } },
      xOffset: { field: "series", sort: null },
      y: {
        field: "y",
        type: "quantitative",
        title: y.title,
        scale: { ...scaleOf(y), domainMin: BAR_MIN },
        stack: null,
      },
      // A logarithm has no zero to stand on.
      y2: { datum: BAR_MIN },
      color: { field: "series", type: "nominal", title: null, sort: null },
    },
  });
}

function scaleOf({ isLog = false }: Axis): object {
  return isLog ? { type: "log" } : { type: "linear", zero: true };
}

async function draw(file: string, spec: object): Promise<void> {
  const config = { legend: { labelLimit: LEGEND_WIDTH } };
  const whole = { width: WIDTH, height: HEIGHT, background: "white", padding: 8, config, ...spec };
  const view = new View(parse(compile(whole).spec), { renderer: "none" });
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${await view.toSVG()}\n`);
}
