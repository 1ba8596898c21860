//! A server of PostgreSQL: its address, and connections to it, on this machine or by TLS.
//!
//! Never: a table or a statement, a password in an error or in `Debug`, a connection to another
//! machine without TLS.
//!
//! Start at [`Server::connect`].

mod server;

pub use server::{Server, ServerError, said};
