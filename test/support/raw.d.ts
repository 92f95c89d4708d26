/** Files that a test reads as they are, when it is built. */
declare module "*?raw" {
  const text: string;
  export default text;
}
