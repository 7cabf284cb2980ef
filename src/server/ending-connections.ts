/** Connections of a server that closes: none is kept for a next request, and none that was opened in case holds up the end. */
import type { Server } from "node:http";
import type { Socket } from "node:net";

/** @returns what ends the connections that nothing was ever asked on, which browsers open ahead; call it behind `server.close()` */
export function endingConnections(server: Server): () => void {
  const silent = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    silent.add(socket);
    socket.once("close", () => silent.delete(socket));
  });
  server.on("request", ({ socket }, response) => {
    silent.delete(socket);
    response.once("close", () => {
      if (!server.listening) server.closeIdleConnections();
    });
  });
  return () => {
    for (const socket of silent) if (socket.bytesRead === 0) socket.destroy();
  };
}
