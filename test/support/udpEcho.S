# A UDP echo server on port 7002 for the x86_64 starter guest, whose busybox has no program that listens for datagrams.
# System calls and their registers: syscall(2); struct sockaddr_in: ip(7).
	.globl	_start
_start:
	mov	$41, %eax			# socket(AF_INET, SOCK_DGRAM, 0)
	mov	$2, %edi
	mov	$2, %esi
	xor	%edx, %edx
	syscall
	mov	%eax, %r12d
	mov	$49, %eax			# bind(socket, any, 16)
	mov	%r12d, %edi
	lea	any(%rip), %rsi
	mov	$16, %edx
	syscall
echo:
	mov	$45, %eax			# recvfrom(socket, data, 2048, 0, &from, &length)
	mov	%r12d, %edi
	lea	data(%rip), %rsi
	mov	$2048, %edx
	xor	%r10d, %r10d
	lea	from(%rip), %r8
	movl	$16, length(%rip)
	lea	length(%rip), %r9
	syscall
	mov	%rax, %rdx			# sendto(socket, data, received, 0, &from, 16)
	mov	$44, %eax
	mov	%r12d, %edi
	lea	data(%rip), %rsi
	xor	%r10d, %r10d
	lea	from(%rip), %r8
	mov	$16, %r9d
	syscall
	jmp	echo

	.data
any:	.short	2				# AF_INET
	.byte	7002 >> 8, 7002 & 255		# in network order
	.long	0				# every address
	.quad	0
	.bss
	.lcomm	data, 2048
	.lcomm	from, 16
	.lcomm	length, 4
