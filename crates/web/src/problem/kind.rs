//! The problems that do not come from the books.

use crate::words::BilingualText;

/// Declares problems that do not come from the books.
macro_rules! kinds {
    ($($Kind:ident $name:literal $status:literal $en:literal $zh:literal)+) => {
        /// A problem that does not come from the books.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum ProblemKind {
            $($Kind,)+
        }

        impl ProblemKind {
            pub const ALL: &'static [ProblemKind] = &[$(ProblemKind::$Kind),+];

            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(ProblemKind::$Kind => $name,)+
                }
            }

            pub(super) fn status(self) -> u16 {
                match self {
                    $(ProblemKind::$Kind => $status,)+
                }
            }

            /// What is wrong, and what to do.
            #[must_use]
            pub fn about(self) -> BilingualText {
                match self {
                    $(ProblemKind::$Kind => BilingualText::fixed($en, $zh),)+
                }
            }
        }
    };
}

kinds! {
    NoSuchPath "no-such-path" 404
        "there is nothing at this path; openapi.json lists all paths"
        "该路径不存在；openapi.json 列出全部路径"
    NoSuchRecord "no-such-record" 404
        "there is no such record, or you may not see it; check the id"
        "没有该记录，或您无权查看；请核对编号"
    MethodNotAllowed "method-not-allowed" 405
        "the path does not take this method; use one of the header Allow"
        "该路径不支持此方法；请用 Allow 标头所列方法"
    NotAcceptable "not-acceptable" 406
        "the answer has no form that the header Accept takes; accept application/json or text/csv"
        "Accept 标头所列格式均不可用；请接受 application/json 或 text/csv"
    UnsupportedMediaType "unsupported-media-type" 415
        "the body has another content type; send application/json in UTF-8 for a command, and \
         application/octet-stream or text/csv for a file"
        "请求体的内容类型不符；命令请用 UTF-8 的 application/json，文件请用 \
         application/octet-stream 或 text/csv"
    UnsupportedEncoding "unsupported-content-encoding" 415
        "the body is compressed; send it as it is"
        "请求体已压缩；请不压缩直接发送"
    BodyTooLarge "body-too-large" 413
        "the body is larger than the limit of this operation; send it in parts"
        "请求体超过该操作的上限；请分批发送"
    LengthRequired "length-required" 411
        "a file needs the header Content-Length; send it"
        "文件须带 Content-Length 标头；请给出"
    BodyTooSlow "body-too-slow" 408
        "the body did not arrive in time; send it again"
        "请求体未按时到达；请重新发送"
    HeadTooLarge "head-too-large" 431
        "the path or the headers are too large; leave out what is not needed"
        "路径或标头过大；请去掉不需要的内容"
    NotHttp "not-http" 400
        "the first line or a header is not as HTTP/1.1 writes it; correct it"
        "首行或某个标头不合 HTTP/1.1 的写法；请更正"
    WrongHost "wrong-host" 421
        "this server does not answer for the header Host; use one of the names in its settings"
        "本服务器不以该 Host 应答；请使用其配置中的名称"
    CrossSite "cross-site" 403
        "the request comes from another site; send it from this one, or with an API key"
        "请求来自其他网站；请从本站发送，或使用 API 密钥"
    NotSignedIn "not-signed-in" 401
        "the request needs a session or an API key; sign in, or send Authorization: Bearer"
        "该请求需要会话或 API 密钥；请登录，或发送 Authorization: Bearer"
    SignInRefused "sign-in-refused" 401
        "the name, the password or the code is wrong; try again"
        "名称、密码或验证码有误；请重试"
    NotLinked "not-linked" 403
        "no person with a role is linked to your identity; ask whoever runs this server to link it"
        "您的身份未关联到任何有角色的人员；请联系本服务器的管理者关联"
    ProviderFailed "provider-failed" 502
        "the provider of sign-ins did not answer as it should; try again, or use your password"
        "身份提供方未正确应答；请重试，或用密码登录"
    Unsent "unsent" 409
        "this phone has commands that are not in the books yet; send them at /phone, then sign out"
        "本机尚有未入账的记录；请先在 /phone 发送，再退出登录"
    NotPermitted "not-permitted" 403
        "your roles do not allow this; ask an administrator for the role that does"
        "您的角色不允许此操作；请向管理员申请相应角色"
    StepUpNeeded "step-up-needed" 403
        "this needs the second factor again; send it to /v1/step-up, then repeat the request"
        "此操作须再次验证第二因素；请先提交至 /v1/step-up，再重复请求"
    NeedsPerson "needs-person" 403
        "the command names the persons who decide, and this API key has none; sign in as a person"
        "该命令须说明由谁决定，而 API 密钥不是人员；请以人员身份登录"
    TooManyRequests "too-many-requests" 429
        "this sender has used up its requests; wait as long as the header Retry-After says"
        "该发送方的请求已用尽；请等待 Retry-After 标头所示时间"
    Busy "busy" 503
        "too many requests are in work; try again when the header Retry-After says"
        "正在处理的请求过多；请按 Retry-After 标头所示时间重试"
    Stopping "stopping" 503
        "this Doorstep is stopping; try again when it serves again"
        "此 Doorstep 正在停止；请待其恢复服务后重试"
    NotThereYet "position-not-reached" 503
        "the views have not reached the position yet; try again when the header Retry-After says"
        "视图尚未到达该位置；请按 Retry-After 标头所示时间重试"
    ViewsUnavailable "views-unavailable" 503
        "the views cannot be read now; try again later, or see `doorstep views`"
        "视图暂不可读；请稍后再试，或见 `doorstep views`"
    VaultUnavailable "vault-unavailable" 503
        "the vault cannot be reached now and nothing was done; try again later"
        "保管库暂不可用，未执行任何操作；请稍后再试"
    Internal "internal" 500
        "the server failed; its log says why. Repeat the request with the same Idempotency-Key"
        "服务器出错，原因见其日志；请以同一 Idempotency-Key 重复请求"
    BadJson "bad-json" 400
        "the body is no JSON object that has one meaning only; correct it at the pointer"
        "请求体不是含义唯一的 JSON 对象；请在所指位置更正"
    BadQuery "bad-query" 400
        "a parameter of the query is unknown, repeated or has a wrong value; correct it"
        "查询参数未知、重复或取值有误；请更正"
    BadCursor "bad-cursor" 400
        "the cursor is not one that this server gave for this list; begin without a cursor"
        "该游标不是本服务器为此列表给出的；请从头开始，不带游标"
    NotInPast "position-not-in-books" 404
        "the books have not reached the position of `at`; give a smaller one"
        "账簿尚未到达 `at` 所示位置；请给出较小的位置"
    KeyMissing "idempotency-key-missing" 400
        "a command needs the header Idempotency-Key with 1 to 255 printable characters; send a new \
         one for a new request, and the same one for a repeat"
        "命令须带 Idempotency-Key 标头，1 至 255 个可见字符；新请求用新键，重复请求用同一键"
    KeyReused "idempotency-key-reused" 422
        "the Idempotency-Key was used for another request; use a new key"
        "该 Idempotency-Key 已用于另一请求；请使用新键"
    KeyInUse "idempotency-key-in-use" 409
        "a request with this Idempotency-Key is being carried out; repeat it in a moment"
        "带有该 Idempotency-Key 的请求正在执行；请稍后重复"
    InLine "in-line" 409
        "the order waits in the line of checkouts, at the place that the header Doorstep-Place \
         says; send the same request again when the header Retry-After says, it keeps its place"
        "订单正在排队，位置见 Doorstep-Place 标头；请按 Retry-After 标头所示时间重复同一请求，\
         位置会保留"
    UnknownField "unknown-field" 422
        "the command has no such field; use its fields"
        "命令没有该字段；请使用其字段"
    MissingField "missing-field" 422
        "the command lacks fields; give them"
        "命令缺少字段；请补全"
    BadValue "bad-value" 422
        "a field has a value that it does not take; correct it"
        "字段取值不符；请更正"
    DoesNotFit "does-not-fit" 409
        "a field does not fit what the books have; correct it, or change the books first"
        "字段与账簿现状不符；请更正，或先变更账簿"
    OtherPerson "other-person" 422
        "a field names another person than the one who gives the command; leave it out"
        "字段中是另一人员，而非发出命令者；请去掉"
    SameBefore "same-before" 409
        "the same was carried out under the number before; to do it once more, give the next number"
        "相同命令已以上一编号执行；如需再执行一次，请给出下一编号"
    CodeWrong "code-wrong" 422
        "the one-time code is wrong and nothing was counted; ask the courier for it again"
        "一次性验证码有误，未作清点；请再次向快递员索取"
    NoSuchProposal "no-such-proposal" 404
        "there is no such proposal: it was carried out, withdrawn or never made; list the proposals"
        "没有该提议：已执行、已撤回或从未提出；请查看提议列表"
    OwnProposal "own-proposal" 409
        "the proposal is your own; a second person approves it"
        "该提议由您提出；须由第二人批准"
    ApprovalInterrupted "approval-interrupted" 409
        "the approval was interrupted too long ago to go on by itself; look in the log, then \
         withdraw the proposal"
        "批准中断过久，无法自动继续；请查看日志，然后撤回提议"
    BooksNotOpen "books-not-open" 409
        "the books are not open; open them first with `doorstep setup books`"
        "账簿尚未开账；请先用 `doorstep setup books` 开账"
    NotSetUp "not-set-up" 409
        "this server lacks a key or a setting for it; see the settings of the key store"
        "本服务器缺少所需密钥或配置；请见密钥库配置"
    FileRefused "file-refused" 409
        "the file was refused and nothing of it was carried out; correct it, and send it again"
        "文件被拒绝，未执行其中任何内容；请更正后重新发送"
    FilesBusy "files-busy" 429
        "one file of this sender, or enough of others, are in work; send it again when the header \
         Retry-After says"
        "该发送方的一个文件或过多其他文件正在处理；请在 Retry-After 标头所示时间后重新发送"
    DiskFull "disk-full" 507
        "the disk of the books has no room for the file; free some space"
        "账簿所在磁盘空间不足；请释放空间"
}
