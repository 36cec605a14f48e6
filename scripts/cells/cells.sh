# Compiles a cell without the work that is the same for every cell. Cargo needs a third of a cell's time to find that
# nothing but the cell has changed, and linking the dependencies' 170 static libraries takes two thirds of the rest. evcxr
# and cargo find programs with four names that run this script (see build_cache.py):
#
#   rustup          says that this script is cargo
#   cargo           has cargo build the first cell, and builds or checks the others by repeating what cargo ran for it;
#                   tells the rust-analyzer within evcxr of fewer crates (see trim_metadata.py)
#   rustc-wrapper   notes what cargo runs for a cell
#   cc              links a cell to libdependencies.so (see build_cache.py) in place of the static libraries
#
# What looks unusual goes to the real program. With MNIST_PLAIN_CELLS=1 the kernel leaves this script out.

folder=$(dirname "$0")
PATH="${PATH#"$folder":}"
case ":$PATH:" in
    *":$folder:"*) echo "$folder stands twice in PATH." >&2; exit 1 ;;
esac

# Under the name cargo rust-analyzer, which is a part of evcxr, finds this script in CARGO_HOME.
[ -z "$CELLS_CARGO_HOME" ] || CARGO_HOME=$CELLS_CARGO_HOME

# What follows an option: `value_of -o "$@"`.
value_of() {
    option=$1
    while [ $# -gt 1 ]; do
        shift
        [ "$1" = "$option" ] && echo "$2" && return
    done
}

# As one word of a shell's line.
quoted() {
    printf "'%s' " "$(printf %s "$1" | sed "s/'/'\\\\''/g")"
}

# Whether a manifest, or the source of a crate that is given by its path, is newer than the note.
is_outdated() {
    for file in Cargo.toml .cargo/config.toml ../Cargo.toml ../Cargo.lock; do
        [ "$file" -nt "$1" ] && return
    done
    # Those of the reader, and this repository's own (see build_cache.py).
    { sed -n 's/.*{.*path *= *"\([^"]*\)".*/\1/p' Cargo.toml; cut -f 2 ../path-crates; } | while read -r crate; do
        find "$crate/src" "$crate/Cargo.toml" -newer "$1" -print -quit 2>&1
    done | grep -q .
}

cargo_for_evcxr() {
    case "$RUSTC_WRAPPER $*" in
        " "*"build --target "*" --message-format=json") emit=link ;;
        " "*"check --target "*" --message-format=json") emit=metadata ;;
        *"/rustlib/"*) exec cargo "$@" ;;
        *" metadata "*" --manifest-path $PWD/"*" --filter-platform "*) cargo "$@" | python "$scripts/trim_metadata.py"; exit ;;
        *) exec cargo "$@" ;;
    esac
    note="$PWD/.cell-note"
    if [ -f "$note" ] && ! is_outdated "$note"; then
        messages=$(sed "s/'--emit=dep-info,link'/'--emit=dep-info,$emit'/" "$note" | sh 2>&1)
    else
        messages=$(CELL_NOTE="$note" RUSTC_WRAPPER="$folder/rustc-wrapper" cargo "$@")
    fi
    status=$?
    case "$messages" in
        *'"message":"linking with '*) rm -f "$note"; exec cargo "$@" ;;
        *) printf '%s\n' "$messages"; exit "$status" ;;
    esac
}

rustc_for_cargo() {
    case "$*" in
        *" --crate-name ctx "*" --crate-type cdylib --emit=dep-info,link "*) ;;
        *) exec "$@" ;;
    esac
    # What `:opt` sets stands in the cell's manifest, and cargo takes profiles from the workspace's alone.
    level=$(sed -n 's/^opt-level = //p' "$CARGO_MANIFEST_DIR/Cargo.toml")
    # rustc itself would no longer check for overflows then.
    set -- "$@" "-Clinker=$folder/cc" "-Copt-level=$level" -Cdebug-assertions=on -Coverflow-checks=on
    cell="$(value_of --out-dir "$@")/libctx.so"
    (
        # The descriptors that they name are open in this cargo alone.
        unset CARGO_MAKEFLAGS MAKEFLAGS MFLAGS
        export -p
        echo "cd $(quoted "$PWD")"
        # Here evcxr reads where the compiled cell lies.
        echo "printf %s $(quoted "$cell") > \"\$EVCXR_EXECUTION_SO_PATH\""
        for argument; do quoted "$argument"; done
    ) > "$CELL_NOTE"
    exec "$@"
}

# All of every static library, bound within itself and visible to the cells. Beside it lies a list: the libraries' names,
# then those of the system's libraries.
link_dependencies() {
    linked=
    for argument; do
        shift
        case "$argument" in
            */deps/lib*.rlib)
                linked="$linked ${argument##*/}"
                set -- "$@" -Wl,--whole-archive "$argument" -Wl,--no-whole-archive
                ;;
            -Wl,--version-script=* | -Wl,--no-undefined-version | -Wl,--gc-sections) ;;
            *) set -- "$@" "$argument" ;;
        esac
    done
    {
        echo "$linked "
        for library in libc.so.6 libm.so.6 libpthread.so.0; do cc -print-file-name="$library"; done
    } > "${output%.so}.list"
    exec cc "$@" -Wl,-Bsymbolic
}

# A library that has changed since, or that only the cell asks for, is linked as usual.
is_linked() {
    case "$linked" in
        *" ${1##*/} "*) ! [ "$1" -nt "$dependencies" ] ;;
        *) return 1 ;;
    esac
}

link_cell() {
    dependencies="${output%/*}/libdependencies.so"
    [ -f "${dependencies%.so}.list" ] || exec cc "$@"
    { read -r linked; system=$(cat); } < "${dependencies%.so}.list"
    linked=" $linked "
    linker= others=
    for argument; do
        shift
        case "$argument" in
            */deps/lib*.rlib) is_linked "$argument" && continue; others=yes ;;
            -Wl,--version-script=* | -Wl,--no-undefined-version) continue ;;
            -B*/gcc-ld) linker="${argument#-B}/ld.lld" ;;
        esac
        set -- "$@" "$argument"
    done
    # Every cell loads it, for lines.rs within.
    set -- "$@" -Wl,--no-as-needed "$dependencies"
    { [ -z "$others" ] && [ -x "$linker" ]; } || exec cc "$@"
    # The C compiler only passes this on to the linker, which takes it a tenth of a second.
    for argument; do
        shift
        case "$argument" in
            -Wl,*) IFS=, ; set -- "$@" ${argument#-Wl,}; unset IFS ;;
            -l* | -m* | -nodefaultlibs | -fuse-ld=* | -B*) ;;
            *) set -- "$@" "$argument" ;;
        esac
    done
    exec "$linker" "$@" $system
}

case "${0##*/}" in
    rustup)
        [ "$*" = "which cargo" ] || exec rustup "$@"
        echo "$folder/cargo"
        ;;
    cargo) cargo_for_evcxr "$@" ;;
    rustc-wrapper) rustc_for_cargo "$@" ;;
    cc)
        output=$(value_of -o "$@")
        case "$output" in
            */libdependencies.so) link_dependencies "$@" ;;
            */libctx.so) link_cell "$@" ;;
            *) exec cc "$@" ;;
        esac
        ;;
esac
