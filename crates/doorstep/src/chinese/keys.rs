//! Errors of keys and key stores.

use std::error::Error;

use keys::tr31::KeyBlockError;
use keys::{KeyError, KeyPurpose, KeyStoreError, MasterKeyError};

use super::zh;

pub(super) fn text(error: &(dyn Error + 'static)) -> Option<String> {
    None.or_else(|| error.downcast_ref().map(key_error))
        .or_else(|| error.downcast_ref().map(key_block_error))
        .or_else(|| error.downcast_ref().map(store_error))
        .or_else(|| error.downcast_ref().map(master_key_error))
}

pub(super) fn key_error(error: &KeyError) -> String {
    use KeyError as E;
    match error {
        E::InvalidName => "密钥名称须为 1 至 64 个字符：a-z、0-9、`/`、`.` 和 `-`".to_owned(),
        E::NoSuchKey(name) => {
            format!("密钥库中没有密钥 `{name}`；请用 `doorstep keys` 生成或导入")
        }
        E::NoSuchGeneration { name, generation } => {
            format!("密钥 `{name}` 没有第 {generation} 代")
        }
        E::NameTaken(name) => format!("密钥 `{name}` 已存在；请轮换，或使用其他名称"),
        E::TooManyGenerations(name) => format!("密钥 `{name}` 的代数已达上限；请删除最旧的一代"),
        E::NewestGeneration { name, generation } => {
            format!("第 {generation} 代是 `{name}` 最新的一代；请先轮换该密钥")
        }
        E::RetiredKey(name) => {
            format!("该密钥是 `{name}` 已被替换的旧代；对方须生成新密钥")
        }
        E::BaseKeyNotRotatable { name, purpose } => {
            let instead = match purpose {
                KeyPurpose::Base => {
                    "终端每次签到都会换用新的工作密钥；要更换基础密钥，\
                     请用其他名称生成密钥，并向终端灌入新的密钥"
                }
                _ => "请用其他名称生成密钥，并向终端灌入新的初始密钥",
            };
            format!("终端的密钥由 `{name}` 派生，轮换会使所有终端失效；{instead}")
        }
        E::WrongWrappedDataKey => {
            "封装的数据密钥与封装它的密钥不符：已被改动，或属于另一密钥库".to_owned()
        }
        E::WrongPurpose { purpose, wanted } => {
            format!("用途为 {} 的密钥不能用于{}", purpose.name(), zh(wanted))
        }
        E::NotDerivable(purpose) => {
            format!("用途为 {} 的密钥须存储，不能派生", purpose.name())
        }
        E::WrongAlgorithm { purpose, algorithm } => {
            let (purpose, algorithm) = (purpose.name(), algorithm.name());
            format!(
                "用途为 {purpose} 的密钥不能使用算法 {algorithm}；请去掉 --algorithm，或见 \
                 `doorstep keys make --help`"
            )
        }
        E::WrongMacKey { method, algorithm } => format!(
            "{} 报文鉴别码需要{}，该密钥为 {}",
            method.name(),
            zh(method.needs()),
            algorithm.name()
        ),
        E::WrongPinKey { format, algorithm } => format!(
            "ISO 格式 {} 的 PIN 块需要{}，该密钥为 {}",
            format.number(),
            zh(format.needs()),
            algorithm.name()
        ),
        E::UnreadablePinBlock => "PIN 块与密钥、卡或格式不符".to_owned(),
        E::ForbiddenTranslation { from, to } => format!(
            "ISO 9564-1 禁止将 ISO 格式 {} 的 PIN 块转换为格式 {}",
            from.number(),
            to.number()
        ),
        E::InvalidPin => "PIN 须为 4 至 12 位数字".to_owned(),
        E::InvalidKeyLength(bytes) => {
            format!("密钥不能为 {bytes} 字节：DES 为 8，TDES 为 16 或 24，AES 为 16、24 或 32 字节")
        }
        E::WeakKey => "弱密钥（全零、DES 弱密钥或各部分相同）；请换一个".to_owned(),
        E::WrongComponentCount(count) => {
            format!("密钥由 2 至 9 个分量导入，每位保管人一个；这里有 {count} 个")
        }
        E::WrongComponentCheckValue { number } => {
            format!("第 {number} 个分量：校验值不符；请重新输入该分量")
        }
        E::MalformedComponent { number, bytes } => {
            format!("第 {number} 个分量：请输入 {bytes} 字节的十六进制数字、一个空格和校验值")
        }
        E::WrongCheckValue { found } => format!("密钥的校验值为 {found}，与预期不符"),
        E::MalformedCheckValue => "校验值须为 4、6、8 或 10 位十六进制数字".to_owned(),
        E::InvalidSerialCounter => "密钥序列号中的计数器无效，没有终端会有这个值".to_owned(),
        E::WrongSerialKind { needs, algorithm } => {
            format!("该密钥序列号用于 {needs}，基础密钥为 {}", algorithm.name())
        }
        E::KeysExhausted => "终端的密钥已用尽；请灌入新的初始密钥".to_owned(),
        E::WrongSignOnField => "工作密钥与其校验值不符；请检查终端主密钥".to_owned(),
        E::NoCardDataKey => "使用 TDES 密钥的终端会话没有卡数据密钥".to_owned(),
        E::WrongCardData => "卡数据与会话密钥不符；终端须重新签到".to_owned(),
        E::KeyBlock(error) => key_block_error(error),
        E::Store(error) => store_error(error),
    }
}

fn key_block_error(error: &KeyBlockError) -> String {
    use KeyBlockError as E;
    match error {
        E::Malformed(what) => format!("密钥块格式错误：{}", zh(what)),
        E::UnsupportedVersion(version) => {
            format!("密钥块的版本为 {version}；只支持 B（TDES）和 D（AES）")
        }
        E::WrongWrappingKey { version, algorithm } => {
            format!("版本 {} 的密钥块不能由 {} 密钥加密", version.letter(), algorithm.name())
        }
        E::WrongMac => "密钥块被改动，或由其他密钥加密".to_owned(),
        E::WrongUsage { usage, algorithm } => {
            format!("密钥块的用途 `{usage}` 和算法 `{algorithm}` 与导入的用途不符")
        }
        E::NotExported => "该用途的密钥不能导出".to_owned(),
    }
}

fn store_error(error: &KeyStoreError) -> String {
    use KeyStoreError as E;
    match error {
        E::NoRandomness(error) => format!("操作系统未提供随机数：{error}"),
        E::File { path, what, source } => {
            format!("{}：{}：{source}", path.display(), zh(what))
        }
        E::MalformedFile { path, what } => format!("{}：{}", path.display(), zh(what)),
        E::WrongMasterKey { path, wanted, found } => format!(
            "{}：密钥由校验值为 {wanted} 的主密钥加密，而给出的主密钥为 {found}；\
             请给出正确的主密钥",
            path.display()
        ),
        E::DamagedEntry { path, name, generation } => format!(
            "{}：`{name}` 第 {generation} 代的记录已损坏或被改动；请用备份恢复该文件",
            path.display()
        ),
        E::Full(count) => format!("密钥库已满，有 {count} 个密钥；请删除旧的代次"),
        E::Pkcs11Module { what, source } => format!("PKCS#11：{what}：{source}"),
        E::NoSuchToken { wanted, found } => {
            format!("PKCS#11：没有标签为 `{wanted}` 的令牌；现有：{found}")
        }
        E::NewKeyUncertain { generation, source } => format!(
            "PKCS#11 令牌：密钥第 {generation} 代虽然生成失败（{}），但可能已存在；\
             请用加密机的工具检查，并在下次启动前删除，否则它会被当作最新的一代",
            key_error(source)
        ),
        E::UnreadableObject { label, what } => {
            format!("PKCS#11 令牌：对象 `{label}` 不是由 Doorstep 写入的：{}", zh(what))
        }
    }
}

fn master_key_error(error: &MasterKeyError) -> String {
    use MasterKeyError as E;
    match error {
        E::Missing => {
            "没有主密钥；请给出 --master-key-file FILE，或设置 DOORSTEP_MASTER_KEY".to_owned()
        }
        E::Malformed(of) => format!(
            "{of}：主密钥须为 64 位十六进制数字（32 字节），例如由 `openssl rand -hex 32` 生成"
        ),
        E::ReadableByOthers(path) => {
            format!("{}：其他用户可以读取该主密钥；请对该文件运行 `chmod 600`", path.display())
        }
        E::File { path, source } => format!(
            "{0}：无法读取：{source}；请用 `openssl rand -hex 32 > {0}` 和 `chmod 600 {0}` \
             生成主密钥，或更正路径",
            path.display()
        ),
    }
}
