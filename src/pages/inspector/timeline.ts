/** A picture of who was in a room when: a row for each user, a bar for each visit. And the same as a table. */

import { create, untrusted } from "../shared/element.ts";
import { nameOf, tint } from "../shared/face.ts";
import { clock, counted } from "../shared/format.ts";
import type { Attendance } from "./answers.ts";

/** More rows are no picture any more. */
const USERS_MAX = 40;
const ROW = 34;
const TEXT_DOWN = 15;
const BAR_DOWN = 21;
const BAR = 8;
const AXIS = 24;
const TICKS = 4;
/** A visit of a second can be seen in a day, too. In per cent. */
const WIDTH_MIN = 0.4;

const SVG = "http://www.w3.org/2000/svg";

export type TimeSpan = { readonly from: number; readonly to: number };

/** The picture of a time, without what is before the first visit. Nothing where nobody was there. */
export function timelineOf(users: readonly Attendance[], asked: TimeSpan): SVGElement | null {
  if (users.length === 0) return null;
  const span = withoutEmptyBeginning(users, asked);
  const drawn = users.slice(0, USERS_MAX);
  const height = drawn.length * ROW + AXIS;
  const picture = draw("svg", {
    height,
    role: "img",
    "aria-labelledby": "timeline-title timeline-desc",
  });
  const title = draw("title", { id: "timeline-title" });
  title.textContent = `Who was here from ${clock(span.from)} to ${clock(span.to)}`;
  const description = draw("desc", { id: "timeline-desc" });
  description.textContent = `${wordsOf(drawn, users.length)} The table below has all the times.`;
  picture.append(title, description, ...ticksOf(span, height));
  for (const [index, user] of drawn.entries()) picture.append(...rowOf(user, index * ROW, span));
  return picture;
}

/** The rows of the table that says the same. */
export function visitRowsOf(users: readonly Attendance[]): HTMLElement[] {
  return users.flatMap(({ user, visits }) =>
    visits.map(({ from, to, reason }) =>
      create(
        "tr",
        "",
        create("td", "", untrusted(nameOf(user))),
        create("td", "", dateOf(from)),
        create("td", "", to === null ? "still here" : dateOf(to)),
        create("td", "", reason ?? ""),
      ),
    ),
  );
}

function withoutEmptyBeginning(users: readonly Attendance[], { from, to }: TimeSpan): TimeSpan {
  const beginnings = users.map(({ visits }) => visits[0]?.from ?? to);
  const first = beginnings.reduce((a, b) => Math.min(a, b), to - 1_000);
  return { from: Math.max(from, first), to };
}

function wordsOf(drawn: readonly Attendance[], count: number): string {
  const here = drawn.filter(({ visits }) => visits.at(-1)?.to === null).length;
  const cut = count > drawn.length ? ` of ${count}` : "";
  return `${counted(drawn.length, "user")}${cut}, a bar for each visit; ${here} still here.`;
}

function dateOf(time: number): string {
  return new Date(time).toLocaleString("en-GB");
}

function* ticksOf({ from, to }: TimeSpan, height: number): Generator<SVGElement> {
  for (let tick = 0; tick <= TICKS; tick += 1) {
    const x = `${(tick / TICKS) * 100}%`;
    yield draw("line", { x1: x, x2: x, y1: 0, y2: height - AXIS });
    // The ones between the ends would meet in a narrow window.
    if (tick % 2 === 1) continue;
    const anchor = tick === 0 ? "start" : tick === TICKS ? "end" : "middle";
    const inset = tick === 0 ? 8 : tick === TICKS ? -8 : 0;
    const label = draw("text", {
      x,
      dx: inset,
      y: height - 8,
      "text-anchor": anchor,
      class: "tick",
    });
    label.textContent = clock(from + ((to - from) * tick) / TICKS);
    yield label;
  }
}

function* rowOf({ user, visits }: Attendance, top: number, span: TimeSpan): Generator<SVGElement> {
  const name = draw("text", { x: 8, y: top + TEXT_DOWN });
  name.textContent = nameOf(user);
  yield name;
  const bar = { y: top + BAR_DOWN, height: BAR, rx: 3 };
  yield draw("rect", { ...bar, x: 0, width: "100%", class: "track" });
  const place = (time: number) =>
    Math.min(100, Math.max(0, ((time - span.from) / (span.to - span.from)) * 100));
  for (const { from, to } of visits) {
    const end = place(to ?? span.to);
    const start = Math.min(place(from), 100 - WIDTH_MIN);
    const width = Math.max(WIDTH_MIN, end - start);
    const visit = draw("rect", { ...bar, x: `${start}%`, width: `${width}%`, class: "visit" });
    tint(visit, user.id);
    yield visit;
  }
}

function draw(tag: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}
