/** The environment variables of the official images, read the way their templates read them. */

export function text(name: string, fallback = ""): string {
  const value = process.env[name];
  return value === undefined || value === "" ? fallback : value;
}

export function flag(name: string, fallback = "0"): boolean {
  return ["1", "t", "true"].includes(text(name, fallback).toLowerCase());
}

/** @throws when the variable is set and is not a number. */
export function number(name: string, fallback: number): number {
  const value = Number(text(name, String(fallback)));
  if (Number.isNaN(value)) throw new Error(`${name} is not a number: ${text(name)}`);
  return value;
}

export interface XmppServer {
  host: string;
  port: number;
}

/** `XMPP_SERVER` as bridges and Jibris take it: `host[:port]`, separated by commas. */
export function xmppServers(): XmppServer[] {
  const defaultPort = number("XMPP_PORT", 5222);
  return text("XMPP_SERVER", "xmpp.meet.jitsi")
    .split(",")
    .filter((entry) => entry !== "")
    .map((entry) => {
      const [host = "", port] = entry.split(":");
      return { host, port: port === undefined ? defaultPort : Number(port) };
    });
}

const timeScale = number("STANDIN_TIME_SCALE", 1);

/** A duration of the real program in milliseconds of this one: `STANDIN_TIME_SCALE` 0.1 makes a minute six seconds. */
export function scaledMilliseconds(seconds: number): number {
  return seconds * 1000 * timeScale;
}
