//! Apache with mod_cgid in front of `git http-backend`: the set-up that git's own manual shows.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::Peer;
use super::daemon::{Daemon, Listens};
use super::served::ServedFolder;
use crate::process::is_root;
use crate::scratch;
use crate::site::Site;

/// The program.
pub const APACHE: &str = "/usr/sbin/apache2";
const MODULES: &str = "/usr/lib/apache2/modules";

/// Whether it is there.
pub fn is_installed() -> bool {
    Path::new(APACHE).is_file() && Path::new(MODULES).join("mod_cgid.so").is_file()
}

/// Starts it.
pub fn start(served: &ServedFolder, site: &Site) -> anyhow::Result<Peer> {
    let folder = scratch::folder("apache")?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    let address = site.free_address()?;
    let configuration = folder.path().join("httpd.conf");
    fs::write(&configuration, text(served, folder.path(), &address))?;
    let mut apache = site.command(Path::new(APACHE));
    apache.arg("-d").arg(folder.path()).arg("-f").arg(&configuration).arg("-DFOREGROUND");
    let log = folder.path().join("output.log");
    let apache = Daemon::start(apache, site, &log, &Listens::Tcp(&address))?;
    let base = format!("http://{address}/git");
    Ok(Peer {
        name: "apache + mod_cgid",
        is_incumbent: true,
        base,
        site: site.clone(),
        cache_log: None,
        _daemons: vec![apache],
        _folder: folder,
    })
}

fn text(served: &ServedFolder, folder: &Path, address: &str) -> String {
    let user = if is_root() { "User www-data\nGroup www-data\n" } else { "" };
    let modules = [
        ("mpm_event_module", "mod_mpm_event.so"),
        ("authz_core_module", "mod_authz_core.so"),
        ("cgid_module", "mod_cgid.so"),
        ("alias_module", "mod_alias.so"),
        ("env_module", "mod_env.so"),
        ("setenvif_module", "mod_setenvif.so"),
    ];
    let modules = modules.map(|(name, file)| format!("LoadModule {name} {MODULES}/{file}\n")).concat();
    let template = r#"ServerRoot @FOLDER@
ServerName localhost
Listen @ADDRESS@
PidFile @FOLDER@/pid
ErrorLog @FOLDER@/error.log
Mutex file:@FOLDER@
MaxKeepAliveRequests 0
@USER@@MODULES@ScriptSock @FOLDER@/cgisock
SetEnv GIT_PROJECT_ROOT @REPOSITORIES@
SetEnv GIT_HTTP_EXPORT_ALL 1
SetEnv GIT_CONFIG_GLOBAL @GITCONFIG@
SetEnvIf Git-Protocol ".*" GIT_PROTOCOL=$0
ScriptAlias /git/ @EXEC@/git-http-backend/
<Directory "@EXEC@">
Require all granted
</Directory>
"#;
    template
        .replace("@FOLDER@", &folder.display().to_string())
        .replace("@ADDRESS@", address)
        .replace("@USER@", user)
        .replace("@MODULES@", &modules)
        .replace("@REPOSITORIES@", &served.repositories().display().to_string())
        .replace("@GITCONFIG@", &served.gitconfig().display().to_string())
        .replace("@EXEC@", &served.exec_path.display().to_string())
}
