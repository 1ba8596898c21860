//! Errors of sign-ins, sessions and API keys.

use std::error::Error;

use ::access::{ACCESS_FILE, AccessDenied, AccessError, PasskeyFault, SignInRefused, limits};

use super::zh_error;

pub(super) fn text(error: &(dyn Error + 'static)) -> Option<String> {
    None.or_else(|| error.downcast_ref().map(access_error))
        .or_else(|| error.downcast_ref().map(denied))
        .or_else(|| error.downcast_ref().map(refused))
        .or_else(|| error.downcast_ref().map(passkey_fault))
}

fn denied(error: &AccessDenied) -> String {
    match error {
        AccessDenied::Unknown => {
            "密钥、会话或链接不存在、已结束或已到期；请重新登录，或使用其他密钥".to_owned()
        }
        AccessDenied::Store(error) => access_error(error),
    }
}

fn refused(error: &SignInRefused) -> String {
    match error {
        SignInRefused::Wrong => "登录名、密码或验证码有误；请重新输入".to_owned(),
        SignInRefused::Wait { wait_s } => format!("尝试次数过多；请 {wait_s} 秒后再试"),
        SignInRefused::WeakPassword => format!(
            "密码过短、过长，或与登录名相同；请使用 {} 至 {} 个字符",
            limits::PASSWORD_CHARACTERS_MIN,
            limits::PASSWORD_CHARACTERS_MAX
        ),
        SignInRefused::CommonPassword => {
            "密码是他人会首先尝试的常见密码，或几乎只是登录名；请另选一个".to_owned()
        }
        SignInRefused::NotLinked => "该身份未关联到任何有角色的人员；请联系 Doorstep 的管理者关联\
                                     （`doorstep user link`）"
            .to_owned(),
        SignInRefused::Busy => "同时登录的人过多；请稍后再试".to_owned(),
        SignInRefused::Store(error) => access_error(error),
    }
}

fn access_error(error: &AccessError) -> String {
    use AccessError as E;
    match error {
        E::NoKey => "登录需要保管库的密钥：请在配置的 [keys] 中以 `vault` 给出密钥名称，并给出\
                     配置（--config）"
            .to_owned(),
        E::ReadableByOthers(path) => {
            format!("{}：其他用户可以读取登录数据；请对该文件运行 `chmod 600`", path.display())
        }
        E::NotAStore(path) => {
            format!("{}：不是此版本 Doorstep 的登录数据；请检查该文件", path.display())
        }
        E::Damaged => {
            format!("{ACCESS_FILE} 中的秘密已被改动、截断或移动；请从备份恢复该文件")
        }
        E::Sqlite { path, source, .. } => {
            format!("无法读写登录数据 {}：{source}；请检查磁盘", path.display())
        }
        E::Io { path, source, .. } => {
            format!("无法读写登录数据 {}：{source}；请检查磁盘", path.display())
        }
        E::Key(error) => zh_error(error),
        E::NoRandomness(error) => format!("操作系统没有返回随机数：{error}；请稍后再试"),
        E::Books(why) => format!("无法查询账簿：{why}；请稍后再试"),
        E::NameTaken(name) => format!("登录名 {name:?} 已被使用；请选择其他登录名"),
        E::NotAName(name) => format!(
            "{name:?} 不能作登录名：请用 1 至 {} 个字母、数字、`.`、`-`、`_` 和 `@`",
            limits::SIGN_IN_NAME_BYTES_MAX
        ),
        E::HasSignIn(person) => format!(
            "人员 {person} 已有登录；如第二因素遗失，请先由两人重置（`doorstep user \
             reset-second-factor`）"
        ),
        E::NoGrant(person) => {
            format!("人员 {person} 在账簿中没有角色；请先授予（`doorstep user grant`）")
        }
        E::NotATrial => {
            "账簿为正式账簿：只有试用账簿才有公开显示的登录；请使用 `doorstep user`".to_owned()
        }
        E::KeyNotIssued(key) => format!(
            "API 密钥 {key} 未在账簿中生效，或已生成密钥值；请另行签发（`doorstep api-key issue`）"
        ),
        E::NoSignIn(person) => {
            format!("人员 {person} 没有有效的登录；请先建立（`doorstep user add`）")
        }
        E::IdentityLinked => {
            "该身份已关联到人员；请先取消关联（`doorstep user unlink`）".to_owned()
        }
        E::IdentitiesUndecided { person, identities } => format!(
            "人员 {person} 关联了 {identities} 个身份提供方的身份；请先查看\
             （`doorstep user list`），再给出 `--identities keep`（保留）或 \
             `--identities remove`（移除）"
        ),
        E::Full(what) => format!("登录数据已满（{what}）；请移除不再需要的登录"),
    }
}

fn passkey_fault(fault: &PasskeyFault) -> String {
    use PasskeyFault as F;
    let fixed = match fault {
        F::Malformed => "浏览器发送的内容不是通行密钥的应答；请换一个浏览器重试",
        F::Challenge => "通行密钥应答的是另一次请求；请重新开始",
        F::Origin => "通行密钥是在其他网站上使用的；请在本站使用",
        F::NotVerified => "通行密钥没有核验您的身份；请为其设置 PIN 或指纹",
        F::Unsupported => "通行密钥没有 ES256 类型的密钥；请换用其他通行密钥",
        F::Signature => "通行密钥的签名有误；请换用其他通行密钥",
        F::Taken => "该通行密钥已登记；请换用其他通行密钥",
        F::Name => {
            let most = limits::PASSKEY_NAME_CHARACTERS_MAX;
            return format!("请为通行密钥取名，1 至 {most} 个可见字符");
        }
        F::TooMany => {
            let most = limits::PASSKEYS_PER_PERSON_MAX;
            return format!("您的通行密钥已达上限 {most} 个；请移除一个");
        }
    };
    fixed.to_owned()
}
