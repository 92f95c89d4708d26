/** The hooks in React's own development mode, against the real service. */

// React looks for a document when it is imported.
// oxlint-disable-next-line import/no-unassigned-import
import "./dom.ts";
import { type ReactNode, StrictMode, useEffect, useState } from "react";
import { flushSync } from "react-dom";
import { createRoot, hydrateRoot, type Root } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { joinRoom, type RoomClient, type RoomOptions } from "../../src/client/index.ts";
import { useCount, useMembers, useMessages, usePresence, useSelf } from "../../src/react/index.ts";
import { tokenFor } from "../support/client.ts";
import { Server } from "../support/server.ts";
import { here, sees, until } from "./stay.ts";

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

const roots: Root[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) root.unmount();
});

function render(node: ReactNode): { root: Root; element: HTMLElement } {
  const element = document.createElement("div");
  const root = createRoot(element);
  roots.push(root);
  flushSync(() => root.render(node));
  return { root, element };
}

/** What others hear of the room: who comes and who goes. */
async function bystand(room: string): Promise<{ client: RoomClient; heard: string[] }> {
  const client = joinRoom({ url: server.url, room, token: () => tokenFor("bystander") });
  await here(client);
  const heard: string[] = [];
  client.on("join", ({ id }) => heard.push(`join ${id}`));
  client.on("leave", ({ member }) => heard.push(`leave ${member.id}`));
  client.on("update", ({ member }) => heard.push(`update ${member.id} ${member.presences.length}`));
  return { client, heard };
}

/** Settles when the element shows `text`. */
async function shows(element: HTMLElement, text: string): Promise<void> {
  await expect.poll(() => element.textContent, { timeout: 10_000 }).toContain(text);
}

function optionsFor(room: string, id = "ada"): RoomOptions {
  return { url: server.url, room, token: () => tokenFor(id) };
}

function Count({ options }: { options: RoomOptions }) {
  return <p>count {useCount(options)}</p>;
}

function Names({ options }: { options: RoomOptions }) {
  const self = useSelf(options);
  const names = useMembers(options).map(({ id, state }) => `${id}=${JSON.stringify(state)}`);
  return <p>{`${self?.user?.id}: ${names.join(" ")}`}</p>;
}

test("StrictMode mounts everything twice, and that is one join and no leave", async () => {
  const { client, heard } = await bystand("strict");
  const options = optionsFor("strict");
  const { element } = render(
    <StrictMode>
      <Count options={options} />
      <Names options={options} />
    </StrictMode>,
  );
  await shows(element, "count 2");
  await shows(element, "ada: bystander=undefined ada=undefined");
  await sees(client, 2);
  expect(client.members[1]?.presences).toHaveLength(1);
  expect(heard).toEqual(["join ada"]);
  client.leave();
});

test("two components share one connection, and one that goes does not take the other along", async () => {
  const { client, heard } = await bystand("shared");
  // Not the same object, as in components that make their options while rendering.
  const one = render(<Count options={optionsFor("shared")} />);
  const two = render(<Names options={optionsFor("shared")} />);
  await shows(one.element, "count 2");
  await shows(two.element, "ada");
  flushSync(() => one.root.unmount());
  const zoe = joinRoom({ url: server.url, room: "shared", token: () => tokenFor("zoe") });
  await here(zoe);
  await shows(two.element, "zoe");
  flushSync(() => two.root.unmount());
  await until(client, () => !client.members.some(({ id }) => id === "ada"));
  expect(heard).toEqual(["join ada", "join zoe", "leave ada"]);
  for (const other of [zoe, client]) other.leave();
});

test("a route that changes its components stays in the room, and another room is another one", async () => {
  const { client, heard } = await bystand("route-1");
  const { element, root } = render(<Count key="a" options={optionsFor("route-1")} />);
  await shows(element, "count 2");
  flushSync(() => root.render(<Names key="b" options={optionsFor("route-1")} />));
  await shows(element, "ada: bystander=undefined ada=undefined");
  expect(heard).toEqual(["join ada"]);
  const other = await bystand("route-2");
  flushSync(() => root.render(<Names key="b" options={optionsFor("route-2")} />));
  await shows(element, "ada: bystander=undefined ada=undefined");
  await Promise.all([sees(client, 1), sees(other.client, 2)]);
  expect(heard).toEqual(["join ada", "leave ada"]);
  expect(other.heard).toEqual(["join ada"]);
  for (const each of [client, other.client]) each.leave();
});

test("who reads the count does not render when a state changes; who selects renders for the selection", async () => {
  const { client } = await bystand("renders");
  const renders = { count: 0, ids: 0, members: 0 };
  function CountOnly() {
    renders.count += 1;
    return <p>count {useCount(optionsFor("renders"))}</p>;
  }
  function Ids() {
    renders.ids += 1;
    // A new list each time, by a new function each time.
    const ids = usePresence(optionsFor("renders"), ({ members }) => members.map(({ id }) => id));
    return <p>{ids.join()}</p>;
  }
  function Members() {
    renders.members += 1;
    return (
      <Shown
        members={useMembers(optionsFor("renders")).map(({ state }) => JSON.stringify(state))}
      />
    );
  }
  const { element } = render(
    <>
      <CountOnly />
      <Ids />
      <Members />
    </>,
  );
  await shows(element, "count 2");
  await shows(element, "bystander,ada");
  const before = { ...renders };
  client.setState({ x: 1 });
  await shows(element, '{"x":1}');
  client.setState({ x: 2 });
  await shows(element, '{"x":2}');
  expect(renders.count).toBe(before.count);
  expect(renders.ids).toBe(before.ids);
  expect(renders.members).toBeGreaterThan(before.members);
  client.leave();
});

function Shown({ members }: { members: readonly (string | undefined)[] }) {
  return <p>{members.join(" ")}</p>;
}

function Talker() {
  const options = optionsFor("talk");
  const { setState, send, status } = usePresence(options);
  const messages = useMessages(options, 2);
  useEffect(() => setState("first"), [setState]);
  useEffect(() => {
    if (status === "here") for (const word of ["one", "two", "three"]) send(word);
  }, [status, send]);
  return <p>{messages.map(({ payload }) => JSON.stringify(payload)).join()}</p>;
}

test("states and messages go out from components, from their first effect on", async () => {
  const { client } = await bystand("talk");
  const { element } = render(<Talker />);
  await until(client, () => client.members[1]?.state === "first");
  expect(client.count).toBe(2);
  await shows(element, '"two","three"');
  client.leave();
});

test("another token connects again as another user; a new function does not", async () => {
  const { client, heard } = await bystand("token");
  const [ada, adaAgain, bob] = await Promise.all([
    tokenFor("ada"),
    tokenFor("ada", { nbf: 1 }),
    tokenFor("bob"),
  ]);
  const setters: ((token: string) => void)[] = [];
  function Who() {
    const [token, setToken] = useState(ada);
    setters[0] = setToken;
    return <p>{useSelf({ url: server.url, room: "token", token })?.user?.id}</p>;
  }
  const { element } = render(<Who />);
  await shows(element, "ada");
  await sees(client, 2);
  flushSync(() => setters[0]?.(adaAgain));
  flushSync(() => setters[0]?.(bob));
  await shows(element, "bob");
  await until(client, () => client.members.some(({ id }) => id === "bob"));
  expect(heard).toEqual(["join ada", "join bob"]);
  client.leave();
});

test("a server renders a room that is not entered yet, and the browser takes over from there", async () => {
  const options = optionsFor("server-side");
  const App = () => (
    <main>
      <Count options={options} />
      <Names options={options} />
      <Talk options={options} />
    </main>
  );
  const html = renderToString(<App />);
  expect(html).toContain("connecting");
  expect(html).toContain("<p>count <!-- -->0</p>");
  const element = document.createElement("div");
  element.innerHTML = html;
  const complaints: unknown[] = [];
  flushSync(() => {
    roots.push(
      hydrateRoot(element, <App />, { onRecoverableError: (error) => complaints.push(error) }),
    );
  });
  await shows(element, "count 1");
  expect(complaints).toEqual([]);
});

function Talk({ options }: { options: RoomOptions }) {
  const status = usePresence(options, (room) => room.status);
  return (
    <p>
      {status} {useMessages(options).length}
    </p>
  );
}

/** A component whose props the test changes. */
function mount(App: (props: { options: RoomOptions }) => ReactNode, options: RoomOptions) {
  const { root, element } = render(<App options={options} />);
  return {
    element,
    update: (next: RoomOptions) => flushSync(() => root.render(<App options={next} />)),
    unmount: () => flushSync(() => root.render(null)),
  };
}

function Status({ options }: { options: RoomOptions }) {
  const { status, self } = usePresence(options);
  return <p>{`${status} ${self?.user?.id}`}</p>;
}

/** Another token is another component. */
function StatusByToken({ options }: { options: RoomOptions }) {
  return <Status key={String(options.token)} options={options} />;
}

test.each([
  ["that has run out", () => tokenFor("ada", { exp: 1 })],
  ["that is wrong", () => "wrong"],
  ["that is empty", () => ""],
])("a valid token after one %s makes a connection", async (what, first) => {
  const room = `revive ${what}`;
  const app = mount(Status, { url: server.url, room, token: await first() });
  await shows(app.element, "closed");
  app.update({ url: server.url, room, token: await tokenFor("ada") });
  await shows(app.element, "here ada");
  expect(app.element.textContent).toBe("here ada");
});

test("a session that loads after mounting makes the lurker a user", async () => {
  const app = mount(Status, { url: server.url, room: "late-session" });
  await shows(app.element, "here undefined");
  app.update({ url: server.url, room: "late-session", token: await tokenFor("ada") });
  await shows(app.element, "here ada");
  expect(app.element.textContent).toBe("here ada");
});

test("who mounts again at once with another token is the new user", async () => {
  const [ada, bob] = await Promise.all([tokenFor("ada"), tokenFor("bob")]);
  const { client, heard } = await bystand("remount");
  const app = mount(StatusByToken, { url: server.url, room: "remount", token: ada });
  await shows(app.element, "here ada");
  app.update({ url: server.url, room: "remount", token: bob });
  await shows(app.element, "here bob");
  await until(client, () => client.members.some(({ id }) => id === "bob"));
  expect(heard).toEqual(["join ada", "join bob"]);
  client.leave();
});

test("after unmounting setState and send do nothing, and nobody comes back", async () => {
  const { client, heard } = await bystand("unmounted");
  const actions: { setState: (state: string) => void; send: (payload: string) => boolean }[] = [];
  function Typing({ options }: { options: RoomOptions }) {
    const { setState, send, status } = usePresence(options);
    useEffect(() => {
      actions[0] = { setState, send };
    }, [setState, send]);
    return <p>{status}</p>;
  }
  const app = mount(Typing, optionsFor("unmounted"));
  const other = render(<Count options={optionsFor("unmounted")} />);
  await shows(app.element, "here");
  await sees(client, 2);
  app.unmount();
  // Its effects' own cleanups may still take back what they set; what comes later may not.
  await Promise.resolve();
  // The other component is still in the room: this one says nothing there any more.
  actions[0]?.setState("typing");
  expect(actions[0]?.send("late")).toBe(false);
  flushSync(() => other.root.unmount());
  await sees(client, 1);
  actions[0]?.setState("typing");
  expect(actions[0]?.send("later")).toBe(false);
  client.send("marker");
  await new Promise<void>((resolve) => client.on("message", () => resolve()));
  expect(heard).toEqual(["join ada", "leave ada"]);
  client.leave();
});

test("the actions of the room before do nothing in the next one", async () => {
  const first = await bystand("before");
  const second = await bystand("next");
  const actions: ((state: string) => void)[] = [];
  function Typing({ options }: { options: RoomOptions }) {
    const { setState, status } = usePresence(options);
    useEffect(() => {
      actions.push(setState);
    }, [setState]);
    return <p>{status}</p>;
  }
  const app = mount(Typing, optionsFor("before"));
  await sees(first.client, 2);
  app.update(optionsFor("next"));
  await sees(second.client, 2);
  actions[0]?.("typing");
  actions[1]?.("here");
  await until(second.client, () => second.client.members[1]?.state === "here");
  await sees(first.client, 1);
  expect(first.heard).toEqual(["join ada", "leave ada"]);
  expect(second.heard).toEqual(["join ada", "update ada 1"]);
  for (const { client } of [first, second]) client.leave();
});

test("an effect that sets an equal state each time does not render without end", async () => {
  let renders = 0;
  function Loop({ options }: { options: RoomOptions }) {
    renders += 1;
    const view = usePresence(options);
    useEffect(() => view.setState({ typing: true }));
    return <p>{view.status}</p>;
  }
  const app = mount(Loop, optionsFor("loop"));
  await shows(app.element, "here");
  const { client } = await bystand("loop");
  await until(client, () => client.members[0]?.state !== undefined);
  expect(renders).toBeLessThan(20);
  client.leave();
});

test("a valid token of a second component revives the room that refused the first one", async () => {
  const room = "second";
  const first = render(<Names options={{ url: server.url, room, token: "wrong" }} />);
  const status = render(<Status options={{ url: server.url, room, token: "wrong" }} />);
  await shows(status.element, "closed");
  const token = await tokenFor("ada");
  const second = render(<Talk options={{ url: server.url, room, token }} />);
  await shows(second.element, "here");
  await shows(first.element, "ada: ada");
  await shows(status.element, "here ada");
  expect(status.element.textContent).toBe("here ada");
});

function MessageCount({ options }: { options: RoomOptions }) {
  return <p>{useMessages(options).length}</p>;
}

test.each([
  ["useMessages", MessageCount],
  ["useCount", Count],
  ["useMembers and useSelf", Names],
])("a component of %s alone brings its token along, too", async (what, Second) => {
  const room = `second ${what}`;
  const { element } = render(<Status options={{ url: server.url, room, token: "wrong" }} />);
  await shows(element, "closed");
  render(<Second options={{ url: server.url, room, token: await tokenFor("ada") }} />);
  await shows(element, "here ada");
  expect(element.textContent).toBe("here ada");
});

test("two components with functions as tokens share one connection that nothing renews", async () => {
  const { client, heard } = await bystand("functions");
  let times = 0;
  const optionsOf = (): RoomOptions => ({
    url: server.url,
    room: "functions",
    token: () => {
      times += 1;
      return tokenFor("ada");
    },
  });
  const one = mount(Status, optionsOf());
  const two = mount(Names, optionsOf());
  await shows(one.element, "here ada");
  await shows(two.element, "ada");
  for (let turn = 0; turn < 5; turn += 1) {
    one.update(optionsOf());
    two.update(optionsOf());
  }
  client.setState("seen");
  await shows(two.element, "seen");
  expect(one.element.textContent).toBe("here ada");
  expect(times).toBe(1);
  expect(heard).toEqual(["join ada", "update bystander 1"]);
  client.leave();
});

test("a new function revives a room that refused the last one, but not again and again", async () => {
  let asked = 0;
  let token = "wrong";
  let renders = 0;
  // As in a component that makes its function while rendering.
  function Inline({ options: { url, room } }: { options: RoomOptions }) {
    renders += 1;
    const { status, self } = usePresence({
      url,
      room,
      token: () => {
        asked += 1;
        return token;
      },
    });
    return <p>{`${status} ${self?.user?.id}`}</p>;
  }
  const options = { url: server.url, room: "inline" };
  const app = mount(Inline, options);
  await shows(app.element, "closed");
  // Twice for the first function, twice for the one of the rendering that said so.
  await expect.poll(() => asked).toBe(4);
  await shows(app.element, "closed");
  const rendered = renders;
  token = await tokenFor("ada");
  // Within the pause nothing is asked, however often it renders.
  for (let turn = 0; turn < 5; turn += 1) app.update(options);
  expect(asked).toBe(4);
  expect(renders).toBe(rendered + 5);
  await shows(app.element, "here ada");
  expect(asked).toBe(5);
});

test("no token where anonymous ones are denied, then a valid one", async () => {
  const strict = await Server.start({ PRESENCE_ANONYMOUS: "deny" });
  try {
    const app = mount(Status, { url: strict.url, room: "deny" });
    await shows(app.element, "closed");
    app.update({ url: strict.url, room: "deny", token: await tokenFor("ada") });
    await shows(app.element, "here ada");
    expect(app.element.textContent).toBe("here ada");
  } finally {
    for (const root of roots.splice(0)) root.unmount();
    await strict.stop();
  }
});

function Break({ options }: { options: RoomOptions }) {
  const { members, setStatus } = usePresence(options);
  const text = members.map(({ id, status }) => `${id} is ${status}`).join(", ");
  return <button onClick={() => setStatus("away")}>{text}</button>;
}

test("a component tells that nobody is there, and members carry it", async () => {
  const { client, heard } = await bystand("break");
  const { element } = render(<Break options={{ ...optionsFor("break"), status: "manual" }} />);
  await shows(element, "ada is active");
  element.querySelector("button")?.click();
  await shows(element, "ada is away");
  await until(client, () => client.members[1]?.status === "away");
  expect(client.members[1]?.activeAt).toBeGreaterThan(0);
  expect(heard).toEqual(["join ada", "update ada 1"]);
  client.leave();
});
