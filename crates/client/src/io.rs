//! The closed vocabulary between a client and whoever carries its bytes.

use std::sync::Arc;

use bytes::Bytes;

/// What the world tells a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientInput {
    /// The connection asked for with [`ClientOutput::Connect`] is open.
    Connected {
        /// The number the client gave the connection.
        conn: u32,
    },
    /// The connection could not be opened: refused, unreachable or unresolvable.
    ConnectFailed {
        /// The number the client gave the connection.
        conn: u32,
    },
    /// Bytes arrived. Chunks may be cut anywhere.
    Data {
        /// The number the client gave the connection.
        conn: u32,
        /// The bytes, in stream order.
        bytes: Bytes,
    },
    /// The other end closed or reset the connection.
    Closed {
        /// The number the client gave the connection.
        conn: u32,
    },
}

/// What a client wants done, or has to report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientOutput<O> {
    /// Open a connection, and answer with [`ClientInput::Connected`] or [`ClientInput::ConnectFailed`].
    Connect {
        /// A number never used before by this client.
        conn: u32,
        /// Host to connect to, as the bootstrap list or the cluster's metadata names it.
        host: Arc<str>,
        /// Port to connect to.
        port: u16,
    },
    /// Send bytes on an open connection.
    Data {
        /// The connection.
        conn: u32,
        /// One or more whole requests, each with its size prefix.
        bytes: Bytes,
    },
    /// Close a connection. Nothing more is expected from it, and late inputs for it are ignored.
    Disconnect {
        /// The connection.
        conn: u32,
    },
    /// Something the application would learn.
    Outcome(O),
}
