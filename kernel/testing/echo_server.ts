import { serve } from "../../servers/runtime.ts";
import { ECHO_MANIFEST, EchoDevice } from "./echo_device.ts";

serve(ECHO_MANIFEST, (context) => new EchoDevice(context));
