//! Which file system a folder is on.

use std::path::Path;

/// File systems that other machines reach, or whose other side has a kernel of its own: virtual
/// machines, containers of another system.
const NETWORK: &[&str] = &[
    "9p",
    "afpfs",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "drvfs",
    "fakeowner",
    "gfs2",
    "glusterfs",
    "gpfs",
    "grpcfuse",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "ocfs2",
    "orangefs",
    "osxfs",
    "prl_fs",
    "smb2",
    "smb3",
    "smbfs",
    "vboxsf",
    "virtiofs",
    "vmhgfs",
    "webdav",
    "wslfs",
];

/// Parts of the names of file systems in user space that are such.
const NETWORK_FUSE: &[&str] = &[
    "ceph",
    "davfs",
    "gcsfuse",
    "gluster",
    "goofys",
    "grpcfuse",
    "hdfs",
    "juicefs",
    "moosefs",
    "nfs",
    "osxfs",
    "prl_fs",
    "rclone",
    "s3",
    "seaweedfs",
    "smb",
    "ssh",
    "vmhgfs",
];

/// Whether other machines may reach a file system of this type.
pub(crate) fn is_network(kind: &str) -> bool {
    match kind.strip_prefix("fuse.") {
        Some(name) => NETWORK_FUSE.iter().any(|part| name.contains(part)),
        None => NETWORK.contains(&kind),
    }
}

/// The type of the file system of a canonical folder, by the name that the system mounts it with.
#[cfg(target_os = "linux")]
pub(crate) fn kind(folder: &Path) -> Option<String> {
    let mounts = std::fs::read("/proc/self/mountinfo").ok();
    mounts.and_then(|mounts| named(&mounts, folder)).or_else(|| numbered(folder))
}

/// The mount with the longest path to the folder, and of several there the last, which hides the
/// others (proc(5)).
#[cfg(target_os = "linux")]
fn named(mounts: &[u8], folder: &Path) -> Option<String> {
    use std::{ffi::OsString, os::unix::ffi::OsStringExt, path::PathBuf};

    let mut found: Option<(PathBuf, String)> = None;
    for line in mounts.split(|byte| *byte == b'\n') {
        let mut fields = line.split(|byte| *byte == b' ');
        let Some(point) = fields.nth(4) else { continue };
        let point = PathBuf::from(OsString::from_vec(unescape(point)));
        let Some(kind) = fields.skip_while(|field| *field != b"-").nth(1) else { continue };
        let longer = found.as_ref().is_none_or(|(found, _)| point.as_os_str().len() >= found.as_os_str().len());
        if folder.starts_with(&point) && longer {
            found = Some((point, String::from_utf8_lossy(kind).into_owned()));
        }
    }
    found.map(|(_, kind)| kind)
}

/// Undoes `\040` and its like.
#[cfg(target_os = "linux")]
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        let octal = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(|_| byte == b'\\') {
            Some(escaped) => {
                bytes.push(escaped);
                rest = &after[3..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    bytes
}

/// By its number, where there is no list of mounts. Which of the file systems in user space it is
/// cannot be told then.
#[cfg(target_os = "linux")]
fn numbered(folder: &Path) -> Option<String> {
    let number = rustix::fs::statfs(folder).ok()?.f_type;
    let name = match u32::try_from(number & 0xFFFF_FFFF).ok()? {
        0x0102_1997 => "9p",
        0x5346_414F => "afs",
        0x00C3_6400 => "ceph",
        0xFF53_4D42 => "cifs",
        0xFE53_4D42 => "smb3",
        0x0000_517B => "smbfs",
        0x0116_1970 => "gfs2",
        0x0BD0_0BD0 => "lustre",
        0x0000_6969 => "nfs",
        0x7461_636F => "ocfs2",
        0x786F_4256 => "vboxsf",
        // It may be virtiofs.
        0x6573_5546 => "virtiofs",
        _ => return None,
    };
    Some(name.to_owned())
}

/// What is not local is a network's, whatever it is called.
#[cfg(target_vendor = "apple")]
pub(crate) fn kind(folder: &Path) -> Option<String> {
    const LOCAL: u32 = 0x1000;
    let flags = rustix::fs::statfs(folder).ok()?.f_flags;
    Some(if flags & LOCAL == 0 { "nfs" } else { "local" }.to_owned())
}

/// A share; a drive letter for one is resolved in a canonical path.
#[cfg(windows)]
pub(crate) fn kind(folder: &Path) -> Option<String> {
    use std::path::{Component, Prefix};
    let prefix = folder.components().next();
    let share = matches!(prefix, Some(Component::Prefix(prefix))
        if matches!(prefix.kind(), Prefix::UNC(..) | Prefix::VerbatimUNC(..)));
    Some(if share { "cifs" } else { "local" }.to_owned())
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple", windows)))]
pub(crate) fn kind(_: &Path) -> Option<String> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    const MOUNTS: &[u8] = b"22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n\
        31 22 0:27 / /home rw - ext4 /dev/vdb rw\n\
        32 31 0:30 / /home/a\\040b rw shared:5 - nfs4 server:/a rw\n\
        33 31 0:31 / /home/hidden rw - tmpfs tmpfs rw\n\
        34 31 0:32 / /home/hidden rw master:1 - fuse.sshfs host: rw\n\
        35 22 0:33 / /host rw - virtiofs share rw\n";

    #[test]
    fn the_innermost_and_last_mount_tells() {
        for (folder, kind) in [
            ("/srv", "ext4"),
            ("/home/alice", "ext4"),
            ("/home/a b/state", "nfs4"),
            ("/home/a", "ext4"),
            ("/home/hidden", "fuse.sshfs"),
            ("/host/x", "virtiofs"),
            ("/hosts", "ext4"),
        ] {
            assert_eq!(named(MOUNTS, Path::new(folder)).as_deref(), Some(kind), "{folder}");
        }
        assert_eq!(named(b"", Path::new("/")), None);
    }

    #[test]
    fn what_other_machines_reach_is_told_from_what_is_local() {
        for kind in ["nfs", "nfs4", "cifs", "smb3", "9p", "virtiofs", "fuse.sshfs", "fuse.grpcfuse", "vboxsf", "ceph"] {
            assert!(is_network(kind), "{kind}");
        }
        for kind in ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "fuse.gocryptfs", "fuseblk", "ecryptfs"] {
            assert!(!is_network(kind), "{kind}");
        }
    }
}
