/** `npm run openapi`: writes the document that the Worker serves. */

import { writeFileSync } from "node:fs";
import { openApiDocument } from "./document.ts";

const document = JSON.stringify(await openApiDocument());
writeFileSync(new URL("../http/openapi.json", import.meta.url), `${document}\n`);
