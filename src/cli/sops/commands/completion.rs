//! `completion`: scripts for shells, which ask the program itself for the words that may follow.

use crate::cli::sops::session::Session;
use crate::cli::sops::usage::COMPLETION_FLAG;
use crate::cli::{Exit, Outcome};

/// `completion bash`.
pub(in crate::cli::sops) fn bash(session: &mut Session<'_>) -> Outcome {
    let script = format!(
        "_sops_complete() {{
    local current=\"${{COMP_WORDS[COMP_CWORD]}}\"
    local words=(\"${{COMP_WORDS[@]:0:COMP_CWORD}}\")
    [[ $current == -* ]] && words+=(\"$current\")
    mapfile -t COMPREPLY < <(compgen -W \"$(\"${{words[@]}}\" {COMPLETION_FLAG} 2>/dev/null)\" -- \"$current\")
}}
complete -o bashdefault -o default -F _sops_complete sops
"
    );
    session.io.stdout.put(script)?;
    Ok(Exit::DONE)
}

/// `completion zsh`.
pub(in crate::cli::sops) fn zsh(session: &mut Session<'_>) -> Outcome {
    let script = format!(
        "#compdef sops
_sops_complete() {{
    local -a before found
    before=(\"${{(@)words[1,CURRENT-1]}}\")
    [[ $words[CURRENT] == -* ]] && before+=(\"$words[CURRENT]\")
    found=(\"${{(@f)$(\"${{before[@]}}\" {COMPLETION_FLAG} 2>/dev/null)}}\")
    [[ -n $found[1] ]] && compadd -a found || _files
}}
compdef _sops_complete sops
"
    );
    session.io.stdout.put(script)?;
    Ok(Exit::DONE)
}
