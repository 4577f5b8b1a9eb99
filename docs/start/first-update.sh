export UNBRICK_TOKEN=choose-a-long-random-token-for-this
unbrick serve --data data >server.log 2>&1 &
server=$!
unbrick ready

unbrick demo images .
unbrick key new -o release.key
unbrick model put 0001 --flash 1MiB --geometry 4KiB --program-unit 8 --ram 256KiB --enrol open
unbrick publish --key release.key --model 0001 --version 1 v1.bin
unbrick emulate --model 0001 --serial S1 --version 1 --image v1.bin --pub release.pub --flash dev.bin --update
unbrick publish --key release.key --model 0001 --version 2 v2.bin
unbrick emulate --model 0001 --serial S1 --flash dev.bin --update
