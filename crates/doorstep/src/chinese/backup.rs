//! Errors of backups.

use std::error::Error;

use ::backup::{BACKUP_FILE, BACKUP_FORMAT, BackupError, BackupFault};

use super::zh_error;

pub(super) fn text(error: &(dyn Error + 'static)) -> Option<String> {
    None.or_else(|| error.downcast_ref().map(backup_error))
        .or_else(|| error.downcast_ref().map(|fault| fault_text(*fault)))
}

fn backup_error(error: &BackupError) -> String {
    use BackupError as E;
    match error {
        E::NoBackup(path) => {
            format!("{} 没有备份：其中没有 {BACKUP_FILE}。请检查路径", path.display())
        }
        E::NotEmpty(path) => format!(
            "{} 不是空目录，也没有 {BACKUP_FILE}：请选空目录、新目录，或已有同一账簿先前备份的目录",
            path.display()
        ),
        E::InUse(path) => format!("{} 正被另一个备份使用；请等它结束", path.display()),
        E::OtherFormat { path, found } => format!(
            "{} 的备份格式为 {found}；本 Doorstep 读取格式 {BACKUP_FORMAT}。请用写出它的 Doorstep",
            path.display()
        ),
        E::OtherBooks { path, batch } => format!(
            "{} 是别的账簿的备份，或是本账簿恢复之前的备份：日志中没有它的第 {batch} 批。\
             请为新备份另选目录",
            path.display()
        ),
        E::Sealed { path, key } => {
            format!("{} 以密钥 {key} 加密；请给出含该密钥库的配置文件和同一密钥", path.display())
        }
        E::NotSealed(path) => format!(
            "{} 未加密，却给出了密钥。如需加密的备份，请另选新目录；否则请不要给出密钥",
            path.display()
        ),
        E::Damaged { path, fault } => {
            format!("{}：{}。请用备份的另一份副本", path.display(), fault_text(*fault))
        }
        E::Beyond { asked, last } => {
            format!("备份止于第 {last} 批，没有第 {asked} 批。请给出更小的批号，或不给出")
        }
        E::Exists(path) => format!("{} 已存在；请恢复到尚不存在的目录", path.display()),
        E::Io { path, step, source } => {
            let step = match *step {
                "created" => "创建",
                "written" => "写入",
                "removed" => "删除",
                "locked" => "锁定",
                _ => "读取",
            };
            format!("{} 无法{step}：{source}", path.display())
        }
        E::Sqlite { path, source } => format!("{} 无法复制：{source}", path.display()),
        E::Journal(error) => zh_error(error),
        E::Key(error) => zh_error(error),
        E::NoRandomness(error) => format!("操作系统未返回随机数：{error}；请重新开始"),
        E::List(error) => zh_error(error),
    }
}

fn fault_text(fault: BackupFault) -> String {
    match fault {
        BackupFault::NotAList => "不是备份的清单",
        BackupFault::Mac => "校验值不符：已被改动，或密钥不对",
        BackupFault::Digest => "长度或内容与备份清单不符",
        BackupFault::Sealing => "无法解开：已被改动或截断，或密钥不对",
        BackupFault::Batches => "其中的批次与备份清单不符",
    }
    .to_owned()
}
