/** Where and with which username to authorize. The password is passed separately, so that nothing keeps both for long. */
export interface Access {
  /** The portal's own origin: everything is served from one. */
  readonly origin: string;
  readonly username: string;
}

export const LANGUAGES = ['curl', 'Node', 'Python', 'Java'] as const;
export type Language = (typeof LANGUAGES)[number];

/** What stands in place of each password until it is shown. */
export const MASKED = '•'.repeat(48);

/** Values without quotes: not every reader of such a file takes them off, and neither value needs any. */
export const envFile = ({ origin, username }: Access, password: string): string =>
  `REBELCORE_URL=${origin}\nREBELCORE_USERNAME=${username}\nREBELCORE_PASSWORD=${password}\n`;

export const jsonText = ({ origin, username }: Access, password: string): string =>
  `${JSON.stringify({ url: origin, username, password }, null, 2)}\n`;

/** "billing · production" → "billing-production.env" */
export function envFileName(label: string | null): string {
  const words =
    (label ?? '')
      .normalize('NFKD')
      .replaceAll(/\p{M}/gu, '')
      .match(/[A-Za-z0-9]+/g) ?? [];
  return `${words.join('-').toLowerCase().slice(0, 60) || 'api-user'}.env`;
}

/** A whole program that authorizes and prints the answer; with `MASKED` as the password it is the same text, masked. */
export function snippet(language: Language, { origin, username }: Access, password: string): string {
  const url = `${origin}/api/v1/authorize`;
  switch (language) {
    // A here-document keeps the password out of the list of processes.
    case 'curl':
      return `curl -sS '${url}' \\
  -H 'content-type: application/json' \\
  --data-binary @- <<'END'
{"username": "${username}",
 "password": "${password}"}
END`;
    case 'Node':
      return `// node authorize.mjs
const answer = await fetch('${url}', {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({
    username: '${username}',
    password: '${password}',
  }),
});
if (!answer.ok) throw new Error(\`authorize answered \${answer.status}\`);
const { token, expires_at } = await answer.json();
console.log(token, new Date(expires_at * 1000));`;
    case 'Python':
      return `# python3 authorize.py
import json, urllib.request

request = urllib.request.Request(
    "${url}",
    data=json.dumps({
        "username": "${username}",
        "password": "${password}",
    }).encode(),
    headers={"content-type": "application/json"},
)
with urllib.request.urlopen(request) as answer:
    body = json.load(answer)
print(body["token"], body["expires_at"])`;
    case 'Java':
      return `// java Authorize.java
import java.net.URI;
import java.net.http.*;

class Authorize {
  public static void main(String[] arguments) throws Exception {
    var body = """
        {"username": "${username}",
         "password": "${password}"}""";
    var request = HttpRequest.newBuilder(URI.create("${url}"))
        .header("content-type", "application/json")
        .POST(HttpRequest.BodyPublishers.ofString(body))
        .build();
    var answer = HttpClient.newHttpClient()
        .send(request, HttpResponse.BodyHandlers.ofString());
    if (answer.statusCode() != 200) throw new Exception("authorize answered " + answer.statusCode());
    System.out.println(answer.body());
  }
}`;
  }
}
