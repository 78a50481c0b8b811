//! docker's client without its daemon, against a registry with a token server.

use crate::support::*;

/// The image's configuration, and its digest.
const CONFIG: &str = r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
const DIGEST: &str = "sha256:c5b1d63604f273462ef36fadac3182d43ae6a6138731cf594b314835cf1c034f";

#[cfg(unix)]
#[test]
fn docker_gets_the_token_as_a_password_for_the_registry() {
    let Some(docker) = find_foreign("docker", "the helper for docker was not driven by it") else { return };
    let user = User::new();
    let (server, place) = (user.server.clone(), Arc::<Mutex<String>>::default());
    let own = Arc::clone(&place);
    let registry = serve(move |request| {
        let authorization = request.header("authorization").unwrap_or_default();
        match request.path() {
            // The token server takes name and password, and hands out a token of its own.
            "/hand-out" => {
                let pair = authorization.strip_prefix("Basic ").and_then(|pair| STANDARD.decode(pair).ok());
                let pair = pair.and_then(|pair| String::from_utf8(pair).ok()).unwrap_or_default();
                match pair.strip_prefix("oauth2:").is_some_and(|token| server.is_good(token)) {
                    true => Response::json(200, &json!({ "token": "the-registrys-own" })),
                    false => Response::new(401, ""),
                }
            }
            _ if authorization != "Bearer the-registrys-own" => {
                let realm = format!("Bearer realm=\"http://{}/hand-out\",service=\"it\"", own.lock().unwrap());
                Response::new(401, "").header("www-authenticate", realm)
            }
            "/v2/" => Response::new(200, ""),
            path if path.contains("/blobs/") => Response::new(200, CONFIG),
            _ => {
                let kind = "application/vnd.docker.distribution.manifest.v2+json";
                let config = "application/vnd.docker.container.image.v1+json";
                let config = json!({ "mediaType": config, "size": CONFIG.len(), "digest": DIGEST });
                let manifest = json!({ "schemaVersion": 2, "mediaType": kind, "config": config, "layers": [] });
                Response::new(200, manifest.to_string()).header("content-type", kind)
            }
        }
    });
    *place.lock().unwrap() = registry.to_string();
    user.log_in(&[&registry.to_string()]);
    let (config, programs) = (user.work().join("docker"), user.work().join("programs"));
    fs::create_dir_all(&config).unwrap();
    fs::create_dir_all(&programs).unwrap();
    let helpers = json!({ "credHelpers": { registry.to_string(): "tokenflight" } });
    fs::write(config.join("config.json"), helpers.to_string()).unwrap();
    let link = programs.join("docker-credential-tokenflight");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_tokenflight"), link).unwrap();
    let path = env::var_os("PATH").unwrap();
    let path = env::join_paths(std::iter::once(programs).chain(env::split_paths(&path))).unwrap();
    let mut command = user.program(&docker);
    command.env("PATH", path).env("DOCKER_CONFIG", &config);
    let output = command.args(["manifest", "inspect", "--insecure", &format!("{registry}/thing:1")]).output().unwrap();
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("schemaVersion"), "{output:?}");
}
