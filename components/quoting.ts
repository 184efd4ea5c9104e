/**
 * How a text is written in another language, so that its reader has the text itself. One function a language, for all
 * that is not known to be a plain word: what cannot be written in one is refused by the settings' schema.
 */

/** For a POSIX shell. */
export const inShell = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** For JavaScript, also in a page's `<script>`. */
export const inJavaScript = (value: string | readonly object[]): string =>
  JSON.stringify(value).replaceAll("<", "\\u003c");

/**
 * For Lua, between double quotes that stand there already: Jitsi's image puts environment variables between them as they
 * are (prosody's jitsi-meet.cfg.lua).
 */
export const insideLuaQuotes = (text: string): string =>
  text.replaceAll(/["\\]/g, "\\$&").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
