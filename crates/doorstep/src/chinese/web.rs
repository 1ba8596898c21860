//! Errors of the API's server, and of the access store.

use std::error::Error;

use ::web::WebError;

pub(super) fn text(error: &(dyn Error + 'static)) -> Option<String> {
    error.downcast_ref().map(web_error)
}

fn web_error(error: &WebError) -> String {
    use WebError as E;
    match error {
        E::PlainBeyondLoopback { address } => format!(
            "{address}：没有 TLS 时接口只在本机监听，因为途经者都能读取密钥和密码；\
             请给出 web.tls，或使用 127.0.0.1"
        ),
        E::NotOpened { address, source } => {
            format!("无法打开 {address}：{source}；请释放该地址，或另给一个")
        }
        E::NoRandomness(cause) => format!("操作系统没有给出随机数：{cause}；请重新启动"),
        E::NotStarted(cause) => format!("无法启动接口的线程：{cause}；请提高线程数上限"),
    }
}
