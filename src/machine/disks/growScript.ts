/**
 * POSIX sh: enlarges what is at the end of a disk in the guest. $1 `look` (changes nothing) or `grow`, $2 the disk's
 * serial number, $3 its new size, bytes (with `grow`: waited for). Exit 0 and one line `DEVICE FILE-SYSTEM BYTES`; exit 3
 * and two lines on stderr (why not, what to do) where it cannot be done; anything else is a failure.
 *
 * Only the last partition of a disk can grow, and only one that holds a file system: ext2, ext3, ext4, xfs, btrfs. A disk
 * without partitions that is one file system is grown as a whole.
 */
export const growScript = `
set -e
how=$1 serial=$2 bytes=$3
PATH=$PATH:/usr/sbin:/sbin:/usr/bin:/bin
cannot() { printf '%s\\n%s\\n' "$1" "$2" >&2; exit 3; }
has() { command -v "$1" >/dev/null 2>&1; }
number() { read -r value <"$1"; echo "$value"; }

disk=
for each in /sys/block/*; do
  for file in serial device/serial device/vpd_pg80; do
    [ -f "$each/$file" ] || continue
    found=$(tr -cd '[:graph:]' <"$each/$file" 2>/dev/null) || continue
    case $file:$found in device/vpd_pg80:*"$serial" | *:"$serial") disk=\${each##*/} ;; esac
  done
done
[ -n "$disk" ] || cannot "The guest has no disk with the serial number $serial." "It may lack the driver; look at dmesg in the guest."

if [ "$how" = grow ]; then
  tries=0
  until [ $(($(number "/sys/block/$disk/size") * 512)) -ge "$bytes" ]; do
    [ $tries -lt 100 ] || cannot "The guest did not notice the new size of $disk." "Restart the machine."
    [ -w "/sys/block/$disk/device/rescan" ] && echo 1 >"/sys/block/$disk/device/rescan"
    tries=$((tries + 1))
    sleep 0.1 2>/dev/null || sleep 1
  done
fi

last= start=-1
for each in /sys/block/"$disk"/"$disk"*; do
  [ -f "$each/partition" ] || continue
  [ "$(number "$each/start")" -gt "$start" ] && last=\${each##*/} start=$(number "$each/start")
done
device=\${last:-$disk}
[ -b "/dev/$device" ] || cannot "The guest has no /dev/$device." "Grow it by hand in the guest."

place= type=
numbers=$(number "/sys/class/block/$device/dev")
while read -r _ _ at _ point rest; do
  source=\${rest#* - }
  set -- $source
  if [ "$at" = "$numbers" ] || [ "$2" = "/dev/$device" ]; then place=$(printf '%b' "$point") type=$1; break; fi
done </proc/self/mountinfo
if [ -z "$type" ]; then
  if has blkid; then type=$(blkid -o value -s TYPE "/dev/$device" 2>/dev/null) || type=$(blkid "/dev/$device" 2>/dev/null | sed -n 's/.* TYPE="\\([^"]*\\)".*/\\1/p'); fi
fi
case $type in
  ext2 | ext3 | ext4) tool=resize2fs ;;
  xfs) tool=xfs_growfs ;;
  btrfs) tool=btrfs ;;
  '') cannot "At the end of $disk, $device has no file system that the guest knows." "Make one there, or grow another partition by hand." ;;
  swap) cannot "At the end of $disk is $device, which is swap space." "Only the last partition can grow: move or remove the swap space, then try again." ;;
  LVM2_member) cannot "At the end of $disk, $device belongs to LVM." "In the guest: growpart, pvresize, lvextend -r." ;;
  crypto_LUKS) cannot "At the end of $disk, $device is encrypted." "In the guest: growpart, cryptsetup resize, then the file system in it." ;;
  *) cannot "At the end of $disk, $device holds $type, which cannot be grown from here." "Grow it by hand in the guest." ;;
esac
has $tool || cannot "The guest has no $tool to grow $type on $device." "Install it in the guest, or grow the file system by hand."
if [ -z "$place" ]; then
  [ $tool = resize2fs ] || cannot "$device ($type) is not mounted; $type grows only while it is." "Mount it in the guest, then try again."
  has e2fsck || cannot "The guest has no e2fsck, which a file system that is not mounted needs first." "Mount $device in the guest, then try again."
fi
if [ -n "$last" ]; then
  part=$(number "/sys/class/block/$last/partition")
  size=$(number "/sys/class/block/$last/size")
  has growpart || has sfdisk || cannot "The guest has neither growpart nor sfdisk to grow the partition $last." "Install cloud-guest-utils or fdisk in the guest."
  for each in /sys/block/"$disk"/"$disk"*; do
    # An extended partition is two sectors for the kernel, and lies around the last one.
    [ -f "$each/partition" ] && [ "$(number "$each/partition")" -le 4 ] && [ "$part" -ge 5 ] && [ "$(number "$each/size")" -le 2 ] &&
      cannot "The last partition of $disk, $last, is a logical one." "Grow its extended partition and it by hand in the guest."
  done
fi
[ "$how" = grow ] || { echo "$device $type $(($(number "/sys/class/block/$device/size") * 512))"; exit 0; }

if [ -n "$last" ]; then
  if has growpart; then
    said=$(growpart "/dev/$disk" "$part" 2>&1) || case $said in *NOCHANGE*) ;; *) echo "$said" >&2; exit 1 ;; esac
  else
    echo ', +' | sfdisk --quiet --no-reread --no-tell-kernel --force -N "$part" "/dev/$disk" >&2
    partx -u --nr "$part" "/dev/$disk" >&2
  fi
  [ "$(number "/sys/class/block/$last/size")" -ge "$size" ] || { echo "the partition became smaller" >&2; exit 1; }
fi
case $tool in
  resize2fs)
    [ -n "$place" ] || e2fsck -fp "/dev/$device" >&2 || [ $? -le 1 ]
    resize2fs "/dev/$device" >&2 ;;
  xfs_growfs) xfs_growfs "$place" >&2 ;;
  btrfs) btrfs filesystem resize max "$place" >&2 ;;
esac
echo "$device $type $(($(number "/sys/class/block/$device/size") * 512))"
`;
