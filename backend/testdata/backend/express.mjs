// An application with the middleware of the documents.
import express from "express";
import { requireSession } from "./session.js";

const app = express();
app.use(requireSession);
app.get("/app", (req, res) => {
  const { user, session } = req.current;
  res.send(`${user.email} ${Date.parse(session.confirmedAt) > 0} ${session.secondFactorAt === null}\n`);
});
const server = app.listen(0, "127.0.0.1", () => console.log(`127.0.0.1:${server.address().port}`));
