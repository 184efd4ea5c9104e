import type { Answer, Request } from "../httpServer";

/** The headers of the bridge's own answers. */
export const ownHeaders = { Vary: "Origin" };

const titles: Record<number, string> = {
  404: "Not Found",
  405: "Method Not Allowed",
  415: "Unsupported Media Type",
  500: "Internal Server Error",
  501: "Not Implemented",
};

/** An error page as Jetty, the bridge's HTTP server, makes it. */
export function errorPage(request: Request, status: number, headers: Record<string, string> = {}): Answer {
  const title = titles[status] ?? "";
  return {
    status,
    // Jetty's reason phrase for 500 is not the title that it prints.
    reason: status === 500 ? "Server Error" : title,
    headers: {
      ...headers,
      "Cache-Control": "must-revalidate,no-cache,no-store",
      "Content-Type": "text/html;charset=iso-8859-1",
    },
    body: `<html>
<head>
<meta http-equiv="Content-Type" content="text/html;charset=ISO-8859-1"/>
<title>Error ${status} ${title}</title>
</head>
<body>
<h2>HTTP ERROR ${status} ${title}</h2>
<table>
<tr><th>URI:</th><td>http://${request.headers.host ?? ""}${request.path}</td></tr>
<tr><th>STATUS:</th><td>${status}</td></tr>
<tr><th>MESSAGE:</th><td>${title}</td></tr>
</table>

</body>
</html>
`,
  };
}
