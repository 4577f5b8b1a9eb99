unbrick emulate --model 0001 --serial S2 --version 1 --image v1.bin --pub release.pub --flash dev2.bin --update --cut-at 200 ||
    test $? = 3 # it waits in restoration mode
unbrick emulate --model 0001 --flash dev2.bin --pty cable >device.log 2>&1 &
device=$!
until test -e cable; do sleep 0.1; done
unbrick restore --port cable --yes
