/** The start page: who is in the lobby, live, by the protocol alone. */

const HEARTBEAT_MS = 25_000;

const [status, members, lurkers] = ["status", "members", "lurkers"].map((id) =>
  document.getElementById(id),
);
const token = new URLSearchParams(location.search).get("token");

const url = new URL("/rooms/lobby/ws", location.href);
url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
if (token) url.searchParams.set("token", token);

function show({ members: users, lurkers: anonymous, count }) {
  const here = (count ?? users.length) + anonymous;
  status.textContent = here === 1 ? "You are here, alone." : `${here} are here, you among them.`;
  const items = users.map(({ id, name }) => {
    const item = document.createElement("li");
    item.textContent = typeof name === "string" ? name : id;
    return item;
  });
  members.replaceChildren(...items);
  lurkers.textContent = anonymous === 0 ? "" : `${anonymous} without a name.`;
}

const socket = new WebSocket(url);
let refusal = "";

socket.addEventListener("message", ({ data }) => {
  const frame = JSON.parse(data);
  if (frame.type === "presence") show(frame.payload);
  if (frame.type === "error") refusal = frame.message;
});

socket.addEventListener("close", () => {
  members.replaceChildren();
  lurkers.textContent = "";
  status.textContent = `Not connected${refusal && `: ${refusal}`}. Reload to try again.`;
});

function beat() {
  if (socket.readyState === WebSocket.OPEN) socket.send('"heartbeat"');
}

setInterval(beat, HEARTBEAT_MS);
// A hidden page's timers are slowed down to one a minute: catch up as soon as it is shown.
document.addEventListener("visibilitychange", beat);
