export { joinRoom } from "../client/index.ts";
