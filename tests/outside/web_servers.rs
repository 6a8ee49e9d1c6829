//! Origins as people have them: `git http-backend` behind nginx and behind Apache, with passwords, and a git written in
//! Python. A mirror of each gives its readers what is there, and other clients nothing.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use url::Url;

use crate::harness::{Checkout, Program, Server, ServerOptions, git, tool};
use crate::origin::Operation;

/// Where Apache's package puts its modules.
pub const MODULES: &str = "/usr/lib/apache2/modules";

/// The password `secret`, as both web servers read it: its SHA-1.
pub const SECRET: &str = "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=";

/// Where both repositories lie, and how a server is set up.
struct Site {
    folder: TempDir,
}

impl Site {
    fn new() -> Self {
        let site = Site { folder: tempfile::tempdir().expect("a folder can be made") };
        // Web servers become other users.
        fs::set_permissions(site.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
        let passwords = format!("reader:{SECRET}\n");
        fs::write(site.path().join("passwords"), passwords).expect("a file can be written");
        fs::write(site.path().join("gitconfig"), "[safe]\n\tdirectory = *\n").expect("a file can be written");
        let checkout = Checkout::with_commits(&["one", "two"]);
        for place in ["public", "private"] {
            let repository = site.repository(place);
            fs::create_dir_all(&repository).expect("a folder can be made");
            git(&repository, &["init", "--quiet", "--bare"]);
            git(checkout.path(), &["push", "--quiet", &repository.display().to_string(), "main"]);
        }
        site
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn repository(&self, place: &str) -> PathBuf {
        self.path().join("repositories").join(place).join("tool.git")
    }

    /// A configuration with what stands for this site filled in.
    fn filled_in(&self, template: &str, address: SocketAddr) -> String {
        let exec_path = git(self.path(), &["--exec-path"]);
        template
            .replace("@FOLDER@", &self.path().display().to_string())
            .replace("@ADDRESS@", &address.to_string())
            .replace("@EXEC@", &exec_path)
            .replace("@MODULES@", MODULES)
            .replace("@PATH@", &std::env::var("PATH").expect("it is set"))
    }

    /// Starts a program that listens at an address.
    async fn start(&self, command: impl Fn(SocketAddr) -> Command) -> (Program, Url) {
        let (program, address) = Program::listening(&self.path().join("output.log"), command).await;
        (program, Url::parse(&format!("http://{address}/")).expect("is a URL"))
    }
}

/// Everybody reads what is public, the reader what is private, and each sees a push at once.
async fn readers_get_what_is_there(site: &Site, origin: &Url) {
    let mirror = Server::mirror_of_origin(origin, ServerOptions::default());
    let at_mirror = |place: &str, password: Option<&str>| {
        let mut url = mirror.base_url().join(&format!("git/{place}/tool.git")).expect("a path");
        if let Some(password) = password {
            url.set_username("reader").expect("it has a host");
            url.set_password(Some(password)).expect("it has a host");
        }
        url
    };
    let checkout = Checkout::with_commits(&["one", "two"]);
    for later in ["three", "four"] {
        for operation in Operation::ALL {
            let (public, private) = (site.repository("public"), site.repository("private"));
            operation.at(&at_mirror("public", None), &public).expect("it is public");
            operation.at(&at_mirror("private", Some("secret")), &private).expect("the reader may read");
            operation.at(&at_mirror("private", Some("wrong")), &private).expect_err("a wrong password");
            operation.at(&at_mirror("private", None), &private).expect_err("no password");
        }
        checkout.commit(later, later);
        for place in ["public", "private"] {
            let repository = site.repository(place).display().to_string();
            git(checkout.path(), &["push", "--quiet", &repository, "main"]);
        }
    }
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn nginx_with_fcgiwrap_as_the_origin() {
    let site = Site::new();
    let socket = site.path().join("fcgiwrap.sock");
    let mut wrap = Command::new("/usr/sbin/fcgiwrap");
    // One process: several are children that go on when it is told to end.
    wrap.arg("-s").arg(format!("unix:{}", socket.display())).args(["-c", "1"]);
    let wrap = Program::start(&mut wrap);
    let (_nginx, url) = site
        .start(|address| {
            let configuration = site.path().join("nginx.conf");
            fs::write(&configuration, site.filled_in(NGINX, address)).expect("a file can be written");
            let mut nginx = Command::new("/usr/sbin/nginx");
            nginx.arg("-c").arg(configuration).arg("-p").arg(site.path());
            nginx.arg("-e").arg(site.path().join("error.log"));
            nginx
        })
        .await;
    readers_get_what_is_there(&site, &url).await;
    drop(wrap);
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn apache_with_mod_cgid_as_the_origin() {
    let site = Site::new();
    let (_apache, url) = site
        .start(|address| {
            let configuration = site.path().join("httpd.conf");
            let text = site.filled_in(&format!("{APACHE}{BACKEND}"), address);
            fs::write(&configuration, text).expect("a file can be written");
            let mut apache = Command::new("/usr/sbin/apache2");
            apache.arg("-d").arg(site.path()).arg("-f").arg(configuration).arg("-DFOREGROUND");
            apache
        })
        .await;
    readers_get_what_is_there(&site, &url).await;
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn dulwich_as_the_origin() {
    let site = Site::new();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("outside/web_servers/dulwich_server.py");
    let mut dulwich = tool("python3");
    dulwich.env("PYTHONDONTWRITEBYTECODE", "1").arg(script).arg(site.repository("public"));
    dulwich.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut dulwich = Program::start(&mut dulwich);
    let mut line = String::new();
    BufReader::new(dulwich.stdout()).read_line(&mut line).expect("it says where it listens");
    let mirror =
        Server::mirror_of_origin(&Url::parse(line.trim()).expect("is a URL"), ServerOptions::default());
    let url = mirror.base_url().join("git/public/tool.git").expect("a path");
    for operation in [Operation::Clone, Operation::Shallow, Operation::ById] {
        operation.at(&url, &site.repository("public")).expect("it is public");
    }
}

const NGINX: &str = r#"
worker_processes 1;
daemon off;
pid @FOLDER@/pid;
user root;
events { worker_connections 64; }
http {
  access_log off; client_max_body_size 0;
  client_body_temp_path @FOLDER@/b; fastcgi_temp_path @FOLDER@/f; proxy_temp_path @FOLDER@/p;
  uwsgi_temp_path @FOLDER@/u; scgi_temp_path @FOLDER@/s;
  fastcgi_param QUERY_STRING $query_string;
  fastcgi_param REQUEST_METHOD $request_method;
  fastcgi_param CONTENT_TYPE $content_type;
  fastcgi_param CONTENT_LENGTH $content_length;
  fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding;
  fastcgi_param SERVER_PROTOCOL $server_protocol;
  fastcgi_param REMOTE_ADDR $remote_addr;
  fastcgi_param REMOTE_USER $remote_user;
  fastcgi_param SCRIPT_FILENAME @EXEC@/git-http-backend;
  fastcgi_param PATH_INFO $uri;
  fastcgi_param GIT_PROJECT_ROOT @FOLDER@/repositories;
  fastcgi_param GIT_HTTP_EXPORT_ALL 1;
  fastcgi_param GIT_CONFIG_GLOBAL @FOLDER@/gitconfig;
  fastcgi_param GIT_PROTOCOL $http_git_protocol;
  fastcgi_param PATH @PATH@;
  server {
    listen @ADDRESS@;
    location /git/private/ {
      auth_basic "private"; auth_basic_user_file @FOLDER@/passwords;
      rewrite ^/git(/.*)$ $1 break;
      fastcgi_pass unix:@FOLDER@/fcgiwrap.sock;
    }
    location /git/ {
      rewrite ^/git(/.*)$ $1 break;
      fastcgi_pass unix:@FOLDER@/fcgiwrap.sock;
    }
  }
}
"#;

/// What Apache needs for git and passwords, whatever it serves.
pub const APACHE: &str = r#"ServerRoot @FOLDER@
ServerName localhost
Listen @ADDRESS@
PidFile @FOLDER@/pid
ErrorLog @FOLDER@/error.log
Mutex file:@FOLDER@
User www-data
Group www-data
LoadModule mpm_event_module @MODULES@/mod_mpm_event.so
LoadModule authn_core_module @MODULES@/mod_authn_core.so
LoadModule authn_file_module @MODULES@/mod_authn_file.so
LoadModule authz_core_module @MODULES@/mod_authz_core.so
LoadModule authz_user_module @MODULES@/mod_authz_user.so
LoadModule auth_basic_module @MODULES@/mod_auth_basic.so
LoadModule cgid_module @MODULES@/mod_cgid.so
LoadModule alias_module @MODULES@/mod_alias.so
LoadModule env_module @MODULES@/mod_env.so
LoadModule setenvif_module @MODULES@/mod_setenvif.so
ScriptSock @FOLDER@/cgisock
SetEnv GIT_HTTP_EXPORT_ALL 1
SetEnv GIT_CONFIG_GLOBAL @FOLDER@/gitconfig
SetEnvIf Git-Protocol ".*" GIT_PROTOCOL=$0
"#;

const BACKEND: &str = r#"
SetEnv GIT_PROJECT_ROOT @FOLDER@/repositories
ScriptAlias /git/ @EXEC@/git-http-backend/
<Directory "@EXEC@">
Require all granted
</Directory>
<Location "/git/private/">
AuthType Basic
AuthName "private"
AuthBasicProvider file
AuthUserFile @FOLDER@/passwords
Require valid-user
</Location>
"#;
