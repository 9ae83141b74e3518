#!/usr/bin/env bash
# A real Slurm of one node on this machine, for the tests and for trying the profile; as root, with
#   apt-get install slurm-wlm slurmdbd munge mariadb-server
# usage: slurm.sh start FOLDER | slurm.sh stop FOLDER
# State, keys, configuration and logs lie in FOLDER, which /etc/slurm links to: Snakemake's plugin drops SLURM_CONF from
# the environment of a job. The two GPUs are copies of /dev/null, which Slurm counts and hands out like any others. There
# are no cgroups, so memory is booked and not enforced.
set -euo pipefail
action=${1:-} folder=$(realpath -m "${2:-}")
[[ $# == 2 && $action =~ ^(start|stop)$ ]] || { sed -n 's/^# usage/usage/p' "$0" >&2; exit 2; }

stop() {
    for daemon in slurmd slurmctld slurmdbd mariadbd munged; do
        [[ ! -s $folder/$daemon.pid ]] || kill "$(<"$folder/$daemon.pid")" 2>/dev/null || true
    done
    for name in "${configuration[@]}"; do [[ ! -L /etc/slurm/$name ]] || rm "/etc/slurm/$name"; done
}

wait_for() {
    for _ in {1..30}; do "$@" >/dev/null 2>&1 && return; sleep 1; done
    echo "slurm.sh: '$*' does not answer; see the logs in $folder" >&2
    exit 1
}

configure() {
    [[ ! -e /etc/slurm/slurm.conf ]] || { echo "slurm.sh: this machine has a /etc/slurm/slurm.conf already" >&2; exit 1; }
    mkdir -p "$folder"/{ctld,slurmd,gpus}
    for gpu in 0 1; do [[ -e $folder/gpus/gpu$gpu ]] || mknod "$folder/gpus/gpu$gpu" c 1 3; done
    dd if=/dev/urandom of="$folder/munge.key" bs=128 count=1 status=none
    cat >"$folder/slurm.conf" <<CONF
ClusterName=one
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmUser=root
AuthInfo=socket=$folder/munge.socket
SlurmctldPort=26817
SlurmdPort=26818
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
StateSaveLocation=$folder/ctld
SlurmdSpoolDir=$folder/slurmd
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=1,sched_interval=5
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=2
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=26819
AccountingStoragePass=$folder/munge.socket
AccountingStorageTRES=gres/gpu
AccountingStoreFlags=job_comment
GresTypes=gpu
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=$(nproc --all) RealMemory=$(free -m | awk '/^Mem/ {print $2}') Gres=gpu:2
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
    echo "Name=gpu File=$folder/gpus/gpu[0-1]" >"$folder/gres.conf"
    printf '%s\n' DbdHost=localhost DbdPort=26819 SlurmUser=root "AuthInfo=socket=$folder/munge.socket" \
        "PidFile=$folder/slurmdbd.pid" "LogFile=$folder/slurmdbd.log" StorageType=accounting_storage/mysql \
        StorageHost=127.0.0.1 StoragePort=26820 StorageUser=slurm StoragePass=slurm >"$folder/slurmdbd.conf"
    chmod 600 "$folder"/{slurmdbd.conf,munge.key}
    for name in "${configuration[@]}"; do ln --symbolic --force "$folder/$name" /etc/slurm/; done
}

database() { mariadb --no-defaults --socket="$folder/mariadb.socket" --user=root "$@"; }

start() {
    configure
    munged --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" --pid-file="$folder/munged.pid" \
        --log-file="$folder/munged.log" --seed-file="$folder/munge.seed"
    mariadb-install-db --no-defaults --user=root --datadir="$folder/mariadb" --auth-root-authentication-method=normal \
        >"$folder/mariadb.log" 2>&1
    setsid mariadbd --no-defaults --user=root --datadir="$folder/mariadb" --socket="$folder/mariadb.socket" \
        --pid-file="$folder/mariadbd.pid" --bind-address=127.0.0.1 --port=26820 >>"$folder/mariadb.log" 2>&1 </dev/null &
    wait_for database --execute="select 1"
    database --execute="create user slurm@'127.0.0.1' identified by 'slurm'; grant all on slurm_acct_db.* to slurm@'127.0.0.1'"
    slurmdbd
    wait_for sacctmgr --immediate add cluster one
    slurmctld
    slurmd
    wait_for srun true
    sinfo --noheader --Node --format="node %N: %t, %c CPU cores, %m MB, %G"
}

configuration=(slurm.conf gres.conf slurmdbd.conf)
"$action"
