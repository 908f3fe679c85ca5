// Starts what a page uses. Everything here improves on pages that already work without it.
import * as copy from "./copy.js";

copy.start();
