/**
 * Population count (SDM volume 2: POPCNT).
 *
 * @module
 */

import { Flag } from "../state.ts";
import { define } from "./definition.ts";

define({
  name: "popcnt",
  encodings: ["F3 0F B8 /r Gv Ev"],
  semantics: (e) => {
    const source = e.read(1);
    e.write(0, source.popcnt());
    e.setAllFlags(source.eqz().extendU().shl(Math.log2(Flag.ZF)));
  },
});
