/** A `copy … from stdin` of text that is ready, as a query for `client.query`. Resolves when it is committed. */
export function copyIn(client, sql, text) {
  return new Promise((resolve, reject) => {
    let failure;
    client.query({
      submit: (connection) => {
        connection.query(sql);
      },
      handleCopyInResponse: (connection) => {
        connection.sendCopyFromChunk(text);
        connection.endCopyFrom();
      },
      handleRowDescription: () => undefined,
      handleDataRow: () => undefined,
      handleCommandComplete: () => undefined,
      handleError: (error) => {
        failure = error;
        reject(error);
      },
      handleReadyForQuery: () => {
        if (failure === undefined) resolve();
      },
    });
  });
}
