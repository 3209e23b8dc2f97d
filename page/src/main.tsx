/** Starts the page. */
import { render } from "preact";
import { App } from "./app/App";

const root = document.getElementById("page")!;
render(<App />, root);

// After the page itself: it has better uses for the network at first.
addEventListener("load", () => void import("./app/keyboard").then((part) => part.installKeyboard(root), console.warn));
if ("serviceWorker" in navigator)
  addEventListener("load", () => void import("./app/update").then(({ install }) => install()).catch(console.warn));

if (location.search === "?shared=lost") void import("./send/lost").then(({ sayLost }) => sayLost(), console.warn);
