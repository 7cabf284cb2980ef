/** Starts the console. */
import { render } from "preact";
import { adoptTokenFromAddress } from "./api.ts";
import { App } from "./shell/app.tsx";

// Before the first view asks for anything.
adoptTokenFromAddress();

render(<App />, document.getElementById("app")!);
