// Starts what a page uses. Everything here improves on pages that already work without it.
import * as copy from "./copy.js";
import * as dropzone from "./dropzone.js";
import * as formErrors from "./form-errors.js";
import * as liveCheck from "./live-check.js";
import * as menu from "./menu.js";
import * as once from "./once.js";
import * as password from "./password.js";
import * as tables from "./tables.js";
import * as theme from "./theme.js";

for (const part of [tables, menu, copy, formErrors, liveCheck, password, once, theme, dropzone]) part.start();
