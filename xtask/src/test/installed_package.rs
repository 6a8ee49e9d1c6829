//! The Debian package as dpkg installs it: its scripts are run, which make a user and folders and talk to systemd, and what they
//! leave is compared with what `docs/install.md` promises.
//!
//! It is installed into a root of its own, which lies over that of this machine and is gone afterwards. The dpkg there is the
//! real one; `systemctl` only notes what it is told, so no systemd need run. Who may not mount does without.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::debian;
use crate::outcome::Finding;

/// Installs the package `$1` in a root that it makes in the folder `$2`, and says what is there after each step. What is
/// mounted goes with the namespace. Triggers are those of other packages, and one of them reads every manual page.
const STEPS: &str = r#"
mount -t tmpfs -o mode=755 scratch "$2"
mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay -o "lowerdir=/,upperdir=$2/upper,workdir=$2/work" overlay "$2/root"
cd "$2/root"
: > package.deb
mount --bind "$1" package.deb
mount -t proc proc proc
mkdir -p run/systemd/system
rm -f usr/bin/systemctl
printf '#!/bin/sh\necho "systemctl $*" >> /told\n' > usr/bin/systemctl
chmod 755 usr/bin/systemctl

run() {
    echo "== $*"
    : > told
    chroot . dpkg --no-triggers --force-depends "$@" >&2
    cat told
}
shown() { chroot . stat --format='%A %U %G %n' "$@"; }

run --install /package.deb
chroot . getent passwd heliostat | cut -d: -f1,6,7
shown /etc/heliostat /etc/heliostat/mirror.toml /etc/heliostat/upstream.toml
shown /var/lib/heliostat/mirror /var/lib/heliostat/upstream

echo '# changed' >> etc/heliostat/mirror.toml
echo data > var/lib/heliostat/mirror/file
rmdir var/lib/heliostat/upstream
ln -s /elsewhere var/lib/heliostat/upstream
run --install /package.deb
tail -n 1 etc/heliostat/mirror.toml
cat var/lib/heliostat/mirror/file
readlink var/lib/heliostat/upstream

run --remove heliostat
ls etc/heliostat
[ -e usr/bin/heliostat ] || echo 'no program'
cat var/lib/heliostat/mirror/file

rm -r run/systemd
run --install /package.deb
tail -n 1 etc/heliostat/mirror.toml
run --purge heliostat
[ -e etc/heliostat ] || echo 'no settings'
cat var/lib/heliostat/mirror/file
"#;

/// What the steps say. Of what an administrator has changed or stored, nothing goes that was not told to.
const EXPECTED: &str = "\
== --install /package.deb
systemctl daemon-reload
systemctl try-restart heliostat-upstream.service heliostat-mirror.service
heliostat:/var/lib/heliostat:/usr/sbin/nologin
drwxr-x--- root heliostat /etc/heliostat
-rw-r----- root heliostat /etc/heliostat/mirror.toml
-rw-r----- root heliostat /etc/heliostat/upstream.toml
drwx------ heliostat heliostat /var/lib/heliostat/mirror
drwx------ heliostat heliostat /var/lib/heliostat/upstream
== --install /package.deb
systemctl daemon-reload
systemctl daemon-reload
systemctl try-restart heliostat-upstream.service heliostat-mirror.service
# changed
data
/elsewhere
== --remove heliostat
systemctl disable --now heliostat-upstream.service heliostat-mirror.service
systemctl daemon-reload
mirror.toml
upstream.toml
no program
data
== --install /package.deb
# changed
== --purge heliostat
no settings
data
";

/// What is wrong with this package once it is installed; nothing is known where it cannot be.
pub fn findings(package: &Path) -> anyhow::Result<Vec<Finding>> {
    if !may_mount() {
        println!("the Debian package is not installed: that needs root, and leave to mount");
        return Ok(Vec::new());
    }
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-eu", "-c", STEPS, "sh"]).arg(package).arg(scratch.path());
    let output = command.stdin(Stdio::null()).output().context("cannot run unshare")?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("the package cannot be installed, changed and removed:\n{said}{errors}");
    }
    if said == EXPECTED {
        return Ok(Vec::new());
    }
    let problem =
        format!("installed, changed and removed, the package says\n{said}\nand should say\n{EXPECTED}");
    Ok(vec![Finding { problem, remedy: "mend the scripts in deploy/debian".into() }])
}

fn may_mount() -> bool {
    let mut mounting = Command::new("unshare");
    debian::is_root()
        && mounting.args(["--mount", "true"]).output().is_ok_and(|output| output.status.success())
}
