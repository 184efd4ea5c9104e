import { z } from "zod";

/** What texts of settings have in common. */

/** Characters that end lines, or that nobody sees: no setting needs them, and few languages can write them. */
const control = /[\p{Cc}\p{Cs}\u2028\u2029]/u;

/** Any text of one line. Who writes it in another language quotes it (quoting.ts). */
export const text = () =>
  z.string().refine((given) => !control.test(given), "has a line break or a control character");

/** What can stand in an HTTP header. */
export const visible = /^[!-~]+$/;

/** Without a fragment, and without what `new URL` takes but URLs have not. */
export const url = (protocols: readonly string[], example: string) =>
  z.string().refine((given) => {
    const isPlain = /^[!$%&(-;=?-[\]_a-z~]+$/.test(given);
    return isPlain && URL.canParse(given) && protocols.includes(new URL(given).protocol);
  }, `is not a URL such as ${example}`);

/**
 * Marks a setting as secret: in production it is refused where the stack has it in clear, and no message shows it.
 */
export const secret = <Schema extends z.ZodType>(schema: Schema): Schema => schema.meta({ secret: true });
