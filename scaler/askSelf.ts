import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { text } from "node:stream/consumers";
import { CERTIFICATE_NAME } from "./configuration";

/** Where a program of the fleet listens, by its own configuration. */
export interface Listening {
  readonly address: string;
  readonly port: number;
  readonly token?: string;
  readonly tls?: { readonly certificate: string } | undefined;
}

/** Where a program that listens at an address is reached by who is beside it. */
export const ownAddress = (address: string): string => (address === "0.0.0.0" ? "127.0.0.1" : address);

/** Asks the program that runs beside this process on the same configuration. Throws where it does not answer in time. */
export function askSelf(
  listen: Listening,
  path: string,
  limitSeconds: number,
  method: "GET" | "POST" = "GET",
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const { address, port, tls, token } = listen;
    const send = tls ? httpsRequest : httpRequest;
    const request = send({
      host: ownAddress(address),
      port,
      path,
      method,
      signal: AbortSignal.timeout(limitSeconds * 1000),
      ...(tls ? { ca: tls.certificate, servername: CERTIFICATE_NAME } : {}),
      headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
    });
    request.on("error", reject);
    request.on("response", (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
    });
    request.end();
  });
}
