import { serveVcpu } from "../vcpu_thread.ts";
import { createFakeVcpu } from "./fake_vcpu.ts";

serveVcpu(() => createFakeVcpu);
