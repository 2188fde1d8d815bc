sleep 100000;
