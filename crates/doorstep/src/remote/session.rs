//! A person who signs in to a server for one request: what two people decide needs a person, and no
//! API key. Password and codes come from standard input, a line each.

use serde_json::{Value, json};
use web::SESSION_COOKIE;

use super::server::{RemoteAnswer, RemoteProblem, RemoteSender, RemoteServer};
use crate::keys::custodians::SecretLines;
use crate::texts::text;
use crate::words::Lang;

/// A session of a person. It ends with [`RemoteSession::end`].
pub struct RemoteSession {
    server: RemoteServer,
    secrets: SecretLines,
}

impl RemoteSession {
    /// Signs in with a name, and with the password and the code that are read.
    pub fn begin(server: RemoteServer, name: &str) -> anyhow::Result<RemoteSession> {
        let lang = Lang::current();
        let mut session = RemoteSession { server, secrets: SecretLines::begin()? };
        let password = session.secrets.ask(text(lang, "remote.password"))?;
        let code = session.secrets.ask(text(lang, "remote.code"))?;
        let body = json!({ "name": name, "password": *password, "code": *code });
        session.begun("/v1/sign-in", &body)?;
        Ok(session)
    }

    fn begun(&mut self, path: &str, body: &Value) -> anyhow::Result<()> {
        let answer = self.server.post(path, &body.to_string())?;
        let cookie = answer.cookie(SESSION_COOKIE).ok_or_else(|| self.server.garbage())?;
        let said = self.server.json(answer)?;
        let csrf = said["csrf"].as_str().ok_or_else(|| self.server.garbage())?.to_owned();
        self.server.set_sender(RemoteSender::Session { cookie, csrf });
        Ok(())
    }

    /// Asks for something.
    pub fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.server.json(self.server.get(path, &[], super::server::JSON)?)
    }

    /// Sends something, and gives the second factor again if it is wanted.
    pub fn post(&mut self, path: &str) -> anyhow::Result<Value> {
        let answer: RemoteAnswer = match self.server.post(path, "{}") {
            Err(error) if is_named(&error, "step-up-needed") => {
                let code = self.secrets.ask(text(Lang::current(), "remote.next_code"))?;
                self.begun("/v1/step-up", &json!({ "code": *code }))?;
                self.server.post(path, "{}")?
            }
            answer => answer?,
        };
        self.server.json(answer)
    }

    /// Signs out. Where that does not succeed, the session ends by itself.
    pub fn end(self) {
        let _ = self.server.post("/v1/sign-out", "{}");
    }
}

fn is_named(error: &anyhow::Error, name: &str) -> bool {
    error.downcast_ref::<RemoteProblem>().is_some_and(|problem| problem.name == name)
}
