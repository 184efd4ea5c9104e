import * as pulumi from "@pulumi/pulumi";
import type { ContainerSpec, FileSpec } from "../platform";
import { insideLuaQuotes } from "../quoting";
import type { Settings } from "../settings";
import { ACCOUNTS_MODULE, accountsFiles, accountsModule, PLUGINS } from "./accounts";

/** How Prosody learns who may open rooms. */
export interface ProsodyAuth {
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: ContainerSpec["secrets"];
  readonly files: readonly FileSpec[];
  readonly lookedUp?: NonNullable<ContainerSpec["lookedUp"]>;
}

type Auth<Type extends Settings["auth"]["type"]> = Extract<Settings["auth"], { type: Type }>;

/** In the words of the image's environment variables (prosody's jitsi-meet.cfg.lua and saslauthd.conf). */
export function prosodyAuthOf({ auth }: { readonly auth: Settings["auth"] }): ProsodyAuth {
  switch (auth.type) {
    case "open":
      return { env: {}, secrets: {}, files: [] };
    case "jwt":
      return jwt(auth);
    case "internal":
      return {
        env: { GLOBAL_MODULES: ACCOUNTS_MODULE },
        secrets: {},
        files: [{ path: `${PLUGINS}/mod_${ACCOUNTS_MODULE}.lua`, content: accountsModule() }],
        lookedUp: accountsFiles(auth.accounts),
      };
    case "ldap":
      return ldap(auth);
  }
}

function jwt({ appId, appSecret, audiences, issuers, keyServer, subject }: Auth<"jwt">): ProsodyAuth {
  const list = (items: readonly string[]): string => items.map(insideLuaQuotes).join(",");
  return {
    env: {
      JWT_APP_ID: insideLuaQuotes(appId),
      JWT_ENABLE_DOMAIN_VERIFICATION: subject === "tenant" ? "1" : "0",
      ...(issuers.length === 0 ? {} : { JWT_ACCEPTED_ISSUERS: list(issuers) }),
      ...(audiences.length === 0 ? {} : { JWT_ACCEPTED_AUDIENCES: list(audiences) }),
      ...(keyServer === undefined ? {} : { JWT_ASAP_KEYSERVER: insideLuaQuotes(keyServer) }),
    },
    secrets: appSecret === undefined ? {} : { JWT_APP_SECRET: pulumi.secret(insideLuaQuotes(appSecret)) },
    files: [],
  };
}

const LDAP_CA = "config/ldap-ca.pem";

function ldap(auth: Auth<"ldap">): ProsodyAuth {
  const { base, bindDn, bindPassword, ca, filter, method, startTls, url } = auth;
  const isTls = startTls || url.startsWith("ldaps:");
  return {
    env: {
      LDAP_URL: url,
      LDAP_BASE: base,
      LDAP_FILTER: filter,
      LDAP_AUTH_METHOD: method,
      LDAP_VERSION: "3",
      ...(bindDn === undefined ? {} : { LDAP_BINDDN: bindDn }),
      ...(isTls ? { LDAP_USE_TLS: "1", LDAP_TLS_CHECK_PEER: "1" } : {}),
      ...(startTls ? { LDAP_START_TLS: "1" } : {}),
      ...(ca === undefined ? {} : { LDAP_TLS_CACERT_FILE: `/${LDAP_CA}` }),
    },
    secrets: bindPassword === undefined ? {} : { LDAP_BINDPW: pulumi.secret(bindPassword) },
    files: ca === undefined ? [] : [{ path: LDAP_CA, content: ca }],
  };
}
