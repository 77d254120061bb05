// Serves the application that "next build" has built in this folder, on PORT or a free port.
import { createServer } from "node:http";
import next from "next";

const app = next({ dev: false, dir: import.meta.dirname });
await app.prepare();
const server = createServer(app.getRequestHandler());
server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => console.log(`127.0.0.1:${server.address().port}`));
