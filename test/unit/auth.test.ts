import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { prosodyAuthOf } from "../../components/jitsi/auth";
import { parseSettings, SettingsError } from "../../components/settings";
import { faultsIn, goodSettings } from "./goodSettings";
import { issue } from "../support/certificates";

const authOf = (auth: Record<string, unknown>) =>
  prosodyAuthOf(parseSettings({ ...goodSettings(), auth }, "test"));
const pathsIn = (auth: Record<string, unknown>, production = false): string[] =>
  faultsIn({
    ...goodSettings(),
    production,
    tls: { mode: "acme", email: "it@school.net" },
    auth,
  }).map(({ path }) => path);
const keys = { type: "jwt", appId: "school", keyServer: "https://keys.school.net/jitsi" };
const directory = { type: "ldap", url: "ldaps://ldap.school.net", base: "ou=people,dc=school" };
const { certificate: ca } = issue("School CA", { isAuthority: true });

describe("who may open rooms", () => {
  it("with a token: its sub is held against the tenant unless the settings say otherwise", () => {
    const secret = { type: "jwt", appId: "school", appSecret: "secret-of-the-tokens" };
    const { env, secrets } = authOf(secret);
    assert.deepEqual(env, { JWT_APP_ID: "school", JWT_ENABLE_DOMAIN_VERIFICATION: "1" });
    assert.deepEqual(Object.keys(secrets), ["JWT_APP_SECRET"]);
    assert.equal(authOf({ ...secret, subject: "any" }).env["JWT_ENABLE_DOMAIN_VERIFICATION"], "0");
  });

  it("with a token that a key signed, of issuers and for audiences", () => {
    const { env, secrets } = authOf({ ...keys, issuers: ["one", 'two"'], audiences: ["jitsi"] });
    assert.deepEqual(env, {
      JWT_APP_ID: "school",
      JWT_ENABLE_DOMAIN_VERIFICATION: "1",
      JWT_ASAP_KEYSERVER: "https://keys.school.net/jitsi",
      JWT_ACCEPTED_ISSUERS: 'one,two\\"',
      JWT_ACCEPTED_AUDIENCES: "jitsi",
    });
    assert.deepEqual(secrets, {});
    assert.deepEqual(pathsIn({ type: "jwt", appId: "school" }), ["auth.appSecret"]);
    assert.deepEqual(pathsIn({ ...keys, appSecret: "secret-of-the-tokens" }), ["auth.keyServer"]);
    assert.deepEqual(pathsIn({ ...keys, keyServer: "http://keys.school.net" }, true), ["auth.keyServer"]);
    assert.deepEqual(pathsIn({ ...keys, issuers: ["one,two"] }), ["auth.issuers[0]"]);
  });

  it("with a password of a directory, in the image's own words", async () => {
    const { env, files, secrets } = authOf({
      ...directory,
      url: "ldap://ldap.school.net:389",
      startTls: true,
      bindDn: "cn=reader",
      bindPassword: "password-of-the-reader",
      ca,
    });
    assert.deepEqual(env, {
      LDAP_URL: "ldap://ldap.school.net:389",
      LDAP_BASE: "ou=people,dc=school",
      LDAP_FILTER: "uid=%u",
      LDAP_AUTH_METHOD: "bind",
      LDAP_VERSION: "3",
      LDAP_BINDDN: "cn=reader",
      LDAP_USE_TLS: "1",
      LDAP_TLS_CHECK_PEER: "1",
      LDAP_START_TLS: "1",
      LDAP_TLS_CACERT_FILE: "/config/ldap-ca.pem",
    });
    assert.deepEqual(files, [{ path: "config/ldap-ca.pem", content: ca }]);
    assert.equal(await pulumi.isSecret(pulumi.output(secrets["LDAP_BINDPW"])), true);
    const clear = { ...directory, url: "ldap://ldap.school.net" };
    assert.deepEqual(pathsIn(clear), []);
    assert.deepEqual(pathsIn(clear, true), ["auth.url"]);
    assert.deepEqual(pathsIn({ ...clear, ca }), ["auth.ca"]);
    assert.deepEqual(pathsIn({ ...directory, startTls: true }), ["auth.startTls"]);
    assert.deepEqual(pathsIn({ ...directory, bindDn: "cn=reader" }), ["auth.bindPassword"]);
  });

  it("with an account of the settings", () => {
    const accounts = (given: Record<string, string>) => ({ type: "internal", accounts: given });
    assert.deepEqual(pathsIn(accounts({ teacher: "password-1", "a.b": "password-2" })), []);
    assert.deepEqual(pathsIn(accounts({ teacher: "short" })), ["auth.accounts.teacher"]);
    assert.deepEqual(pathsIn(accounts({ "a.b": "short" })), ['auth.accounts["a.b"]']);
    assert.deepEqual(pathsIn(accounts({ Teacher: "password-1" })), ["auth.accounts.Teacher"]);
    const many = Object.fromEntries(Array.from({ length: 201 }, (_, at) => [`teacher-${at}`, "password-1"]));
    assert.deepEqual(pathsIn(accounts(many)), ["auth.accounts"]);
  });
});

describe("secrets in the settings", () => {
  const given = {
    ...goodSettings(),
    production: true,
    auth: { type: "internal", accounts: { "a.b": "password-in-clear" } },
    tls: {
      mode: "acme",
      email: "it@school.net",
      eab: { keyId: "key-id", hmacKey: "hmac-key-in-clear" },
    },
    recordings: {
      store: { type: "s3", bucket: "recordings", accessKeyId: "id", secretAccessKey: "secret-in-clear" },
    },
  };
  const faults = (settings: Record<string, unknown>, encrypted: readonly string[]) => {
    try {
      parseSettings(settings, "test", (key) => encrypted.includes(key));
    } catch (error) {
      assert(error instanceof SettingsError);
      assert(!/in-clear/.test(error.message), error.message);
      return error.faults;
    }
    return [];
  };

  it("are refused in production where they are in clear, each with its path and how to set it", () => {
    const found = [...faults(given, [])].sort((one, other) => (one.path < other.path ? -1 : 1));
    assert.deepEqual(
      found.map(({ path }) => path),
      ['auth.accounts["a.b"]', "recordings.store.secretAccessKey", "tls.eab.hmacKey"],
    );
    assert.match(found[2]?.message ?? "", /pulumi config set --path --secret 'tls\.eab\.hmacKey'/);
    assert.deepEqual(
      faults(given, ["auth", "tls"]).map(({ path }) => path),
      ["recordings.store.secretAccessKey"],
    );
    assert.deepEqual(faults(given, ["auth", "tls", "recordings"]), []);
    assert.deepEqual(faults({ ...given, production: false }, []), []);
  });

  it("are in no message about what is wrong with them", () => {
    const [fault] = faults({ ...given, docker: hostsWithPassword("password in-clear") }, [
      "auth",
      "tls",
      "recordings",
      "docker",
    ]);
    assert.equal(fault?.path, "docker.sharedAddress.password");
    assert.match(fault.message, /^"\(secret\)" is not a password/);
  });

  const hostsWithPassword = (password: string) => ({
    ...(goodSettings()["docker"] as object),
    sharedAddress: { address: "198.51.100.50", password },
  });
});
