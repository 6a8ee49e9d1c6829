//! gitolite behind Apache, set up as its documentation says: below `/git/` for who has a password, below `/anonymous/` for who
//! has none. Its shell judges each request, and refuses in words of the protocol, with status 200.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use url::Url;

use super::{ADMINISTRATOR, Forge, PASSWORD, signed_in};
use crate::harness::{KeptAddress, Program, git, must_succeed};
use crate::origin::{Person, Place};
use crate::outside::web_servers::{APACHE, MODULES, SECRET};

/// Under which name Apache runs it.
const SERVER: &str = "www-data";

/// A running one.
pub struct Gitolite {
    apache: Option<Program>,
    folder: TempDir,
    /// Nothing else listens there when it has ended.
    _address: KeptAddress,
    url: Url,
}

impl Gitolite {
    /// Starts one.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        set_up(folder.path());
        let (apache, address) = Program::listening(&folder.path().join("output.log"), |address| {
            let configuration = folder.path().join("httpd.conf");
            let text = format!("{APACHE}{SITE}")
                .replace("@FOLDER@", &folder.path().display().to_string())
                .replace("@ADDRESS@", &address.to_string())
                .replace("@MODULES@", MODULES);
            fs::write(&configuration, text).expect("a file can be written");
            let mut apache = Command::new("/usr/sbin/apache2");
            apache.arg("-d").arg(folder.path()).arg("-f").arg(configuration).arg("-DFOREGROUND");
            apache
        })
        .await;
        let url = Url::parse(&format!("http://{address}/")).expect("is a URL");
        let gitolite = Self { apache: Some(apache), folder, _address: address, url };
        let administration = signed_in(&gitolite.url, "/git/gitolite-admin.git", ADMINISTRATOR, PASSWORD);
        git(gitolite.folder.path(), &["clone", "--quiet", administration.as_str(), "administration"]);
        gitolite.let_in("reader revoked");
        gitolite
    }

    /// These users read what is private, as the administrator says by a push.
    fn let_in(&self, readers: &str) {
        let administration = self.folder.path().join("administration");
        let rules = RULES.replace("@READERS@", readers);
        fs::write(administration.join("conf/gitolite.conf"), rules).expect("a file can be written");
        git(&administration, &["commit", "--quiet", "--all", "--message", "change who reads"]);
        git(&administration, &["push", "--quiet"]);
    }
}

impl Forge for Gitolite {
    fn url(&self) -> &Url {
        &self.url
    }

    fn path(&self, person: Person, place: Place) -> String {
        let door = if person == Person::Anonymous { "/anonymous" } else { "/git" };
        format!("{door}{}", place.path())
    }

    async fn revoke(&self) {
        self.let_in("reader");
    }

    fn end(&mut self) {
        self.apache = None;
    }
}

/// Puts its own repository into a folder, and the files that Apache reads.
fn set_up(folder: &Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let names = [ADMINISTRATOR, "reader", "outsider", "revoked"];
    let passwords: String = names.iter().map(|name| format!("{name}:{SECRET}\n")).collect();
    fs::write(folder.join("passwords"), passwords).expect("a file can be written");
    fs::write(folder.join("gitconfig"), "[init]\n\tdefaultBranch = main\n").expect("a file can be written");
    let home = folder.join("home");
    let mut make = Command::new("install");
    if is_root(folder) {
        make.args(["--owner", SERVER, "--group", SERVER]);
    }
    make.arg("--directory").arg(&home);
    must_succeed("gitolite-home", make);
    let mut set_up = as_server(folder, "gitolite");
    set_up.args(["setup", "--admin", ADMINISTRATOR]);
    must_succeed("gitolite-setup", set_up);
    let settings = home.join(".gitolite.rc");
    let text = fs::read_to_string(&settings).expect("it was written");
    let (begin, named) = ("%RC = (\n", "%RC = (\n    HTTP_ANON_USER => 'anonymous',\n");
    assert!(text.contains(begin), "{text}");
    fs::write(&settings, text.replacen(begin, named, 1)).expect("a file can be written");
}

/// A command of the user who owns its repositories.
fn as_server(folder: &Path, program: &str) -> Command {
    let mut command = Command::new("setpriv");
    if is_root(folder) {
        command.args(["--reuid", SERVER, "--regid", SERVER, "--clear-groups"]);
    }
    command.arg(program).current_dir(folder);
    command.env("HOME", folder.join("home")).env("USER", SERVER);
    // It takes its rules from this branch only.
    command.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "init.defaultBranch");
    command.env("GIT_CONFIG_VALUE_0", "master");
    command
}

/// Whether this process, which has made the folder, may become other users.
fn is_root(folder: &Path) -> bool {
    fs::metadata(folder).expect("it is there").uid() == 0
}

const RULES: &str = "
repo gitolite-admin
    RW+ = admin

repo acme/public
    RW+ = admin
    R   = @all

repo acme/private
    RW+ = admin
    R   = @READERS@
";

const SITE: &str = r#"
SetEnv GITOLITE_HTTP_HOME @FOLDER@/home
SetEnv GIT_PROJECT_ROOT @FOLDER@/home/repositories
ScriptAlias /git/ /usr/share/gitolite3/gitolite-shell/
ScriptAlias /anonymous/ /usr/share/gitolite3/gitolite-shell/
<Directory "/usr/share/gitolite3">
Require all granted
</Directory>
<Location "/git/">
AuthType Basic
AuthName "Git"
AuthBasicProvider file
AuthUserFile @FOLDER@/passwords
Require valid-user
</Location>
"#;
