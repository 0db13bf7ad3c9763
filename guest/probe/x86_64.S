/*
 * The accelerator probe's guest for x86_64: what a stock kernel does in its first milliseconds, in 4 KiB.
 *
 * It is the last 4 KiB of a 64 KiB firmware image (`-bios`), so it needs no firmware and no option ROM. After
 * each step it writes one character to isa-debugcon (port 0xe9), so that the host knows how far it came:
 *
 *   1 protected mode   2 long mode with paging   3 cmpxchg16b
 *   4 exceptions (#BP, and a #PF that maps the page)
 *   5 interrupts (the timer through the PIC with hlt; an IPI to itself)
 *   6 fxsave, cpuid, rdtsc, MSRs and swapgs   7 user mode by iretq, syscall and sysret
 *   L the timed loop starts   E it has ended
 *
 * and leaves through isa-debug-exit (port 0xf4) with 0x2a, which QEMU turns into exit code 85. Any
 * unexpected exception writes `X` and leaves with 0x15 (exit code 43).
 *
 * Why these steps: some hypervisors interpret a guest kernel instead of running it. /dev/kvm opens there and
 * firmware runs, but Linux dies at cmpxchg16b ("KVM internal error ... emulation failure") or crawls.
 */
        .set ROM,     0xff000           /* where the firmware shows these 4 KiB below 1 MiB */
        .set RAM,     0x100000          /* where they are copied and linked */
        .set PML4,    0x10000
        .set PDPT,    0x11000
        .set PD,      0x12000           /* four of them: 4 GiB in 2 MiB pages */
        .set IDT,     0x20000
        .set STACK,   0x80000
        .set USTACK,  0x90000
        .set BUFFER,  0x400000          /* 1 MiB that the loop reads and writes */
        .set APIC,    0xfee00000
        .set LATE,    0x100000000       /* 4 GiB: mapped by the page fault handler */
        .set CODE32,  0x08
        .set CODE64,  0x10
        .set DATA,    0x18
        .set UDATA,   0x20 | 3
        .set UCODE,   0x28 | 3
        .set TSS,     0x30
        .set ROUNDS,  8000

        .macro mark char
        movb    $\char, %al
        outb    %al, $0xe9
        .endm

        .text
        .globl  start
start:
/* ── Real mode, from the reset vector ──────────────────────────────────────────────────────── */
        .code16
real:   cli
        cld
        movb    $2, %al
        outb    %al, $0x92              /* A20 */
        lgdtl   %cs:(gdtr - start + 0xf000)
        movl    %cr0, %eax
        orl     $1, %eax
        movl    %eax, %cr0
        ljmpl   $CODE32, $(protected - start + ROM)

/* ── Protected mode: copy to RAM, page tables, long mode ───────────────────────────────────── */
        .code32
protected:
        movl    $DATA, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        movl    $STACK, %esp
        mark    '1'
        movl    $ROM, %esi
        movl    $RAM, %edi
        movl    $1024, %ecx
        rep movsl
        movl    $PML4, %edi             /* clear the tables */
        xorl    %eax, %eax
        movl    $(6 * 1024), %ecx
        rep stosl
        movl    $(PDPT | 7), PML4
        movl    $(PD | 7), PDPT
        movl    $(PD + 0x1000 + 7), PDPT + 8
        movl    $(PD + 0x2000 + 7), PDPT + 16
        movl    $(PD + 0x3000 + 7), PDPT + 24
        movl    $PD, %edi
        movl    $0x87, %eax             /* present, writable, user, 2 MiB */
        movl    $2048, %ecx
1:      movl    %eax, (%edi)
        addl    $8, %edi
        addl    $0x200000, %eax
        loop    1b
        movl    %cr4, %eax
        orl     $0x620, %eax            /* PAE, OSFXSR, OSXMMEXCPT */
        movl    %eax, %cr4
        movl    $PML4, %eax
        movl    %eax, %cr3
        movl    $0xc0000080, %ecx       /* EFER: LME, SCE */
        rdmsr
        orl     $0x101, %eax
        wrmsr
        movl    %cr0, %eax
        andl    $~4, %eax               /* no FPU emulation */
        orl     $0x80010002, %eax       /* PG, WP, MP */
        movl    %eax, %cr0
        ljmpl   $CODE64, $long

/* ── Long mode, from RAM ───────────────────────────────────────────────────────────────────── */
        .code64
long:   lgdt    gdtr64
        movl    $STACK, %esp
        movw    $TSS, %ax
        ltr     %ax
        movl    $IDT, %edi              /* every vector is unexpected … */
        movl    $256, %ecx
        movl    $unexpected, %eax
1:      call    gate
        addl    $16, %edi
        loop    1b
        movl    $(IDT + 3 * 16), %edi   /* … but these */
        movl    $breakpoint, %eax
        call    gate
        movl    $(IDT + 14 * 16), %edi
        movl    $page_fault, %eax
        call    gate
        movl    $(IDT + 0x20 * 16), %edi
        movl    $timer, %eax
        call    gate
        movl    $(IDT + 0x40 * 16), %edi
        movl    $ipi, %eax
        call    gate
        lidt    idtr
        mark    '2'

        movl    $BUFFER, %esi
        movq    $7, (%rsi)
        movq    $9, 8(%rsi)
        movl    $7, %eax
        movl    $9, %edx
        movl    $1, %ebx
        movl    $2, %ecx
        lock cmpxchg16b (%rsi)
        jnz     fail
        cmpq    $1, (%rsi)
        jne     fail
        cmpq    $2, 8(%rsi)
        jne     fail
        mark    '3'

        xorl    %ebx, %ebx              /* exceptions: both handlers count in ebx */
        int3
        movabsq $LATE + BUFFER, %rsi
        movl    $0x1234, BUFFER
        cmpl    $0x1234, (%rsi)
        jne     fail
        cmpl    $2, %ebx
        jne     fail
        mark    '4'

        movl    $APIC, %edi             /* interrupts: the PIC's line through LINT0 … */
        movl    $0x1ff, 0xf0(%rdi)
        movl    $0x700, 0x350(%rdi)
        movb    $0x11, %al
        outb    %al, $0x20
        outb    %al, $0xa0
        movb    $0x20, %al
        outb    %al, $0x21
        movb    $0x28, %al
        outb    %al, $0xa1
        movb    $4, %al
        outb    %al, $0x21
        movb    $2, %al
        outb    %al, $0xa1
        movb    $1, %al
        outb    %al, $0x21
        outb    %al, $0xa1
        movb    $0xfe, %al
        outb    %al, $0x21
        movb    $0xff, %al
        outb    %al, $0xa1
        movb    $0x34, %al              /* … the PIT at 1 kHz */
        outb    %al, $0x43
        movb    $(1193 & 0xff), %al
        outb    %al, $0x40
        movb    $(1193 >> 8), %al
        outb    %al, $0x40
        xorl    %ebx, %ebx
1:      sti
        hlt
        cli
        cmpl    $3, %ebx
        jb      1b
        movb    $0xff, %al
        outb    %al, $0x21
        xorl    %ebp, %ebp              /* … and one to ourselves */
        movl    $0x40040, 0x300(%rdi)
        sti
1:      pause
        testl   %ebp, %ebp
        jz      1b
        cli
        mark    '5'

        movl    $BUFFER, %esi
        fxsave64 0x200(%rsi)
        movl    $0x5a, %eax
        movd    %eax, %xmm0
        pshufd  $0, %xmm0, %xmm1
        paddd   %xmm1, %xmm0
        movd    %xmm0, %eax
        cmpl    $0xb4, %eax
        jne     fail
        fxrstor64 0x200(%rsi)
        xorl    %eax, %eax
        cpuid
        rdtsc
        movl    %eax, %ebx
        movl    $0xc0000102, %ecx       /* KERNEL_GS_BASE */
        movl    $BUFFER, %eax
        xorl    %edx, %edx
        wrmsr
        swapgs
        movq    %gs:0, %rax
        swapgs
        cmpl    $0x1234, %eax
        jne     fail
        mark    '6'

        movl    $0xc0000081, %ecx       /* STAR, LSTAR, FMASK */
        xorl    %eax, %eax
        movl    $((0x1b << 16) | CODE64), %edx
        wrmsr
        movl    $0xc0000082, %ecx
        movl    $syscall_entry, %eax
        xorl    %edx, %edx
        wrmsr
        movl    $0xc0000084, %ecx
        movl    $0x700, %eax
        wrmsr
        xorl    %r8d, %r8d              /* system calls so far */
        pushq   $UDATA
        pushq   $USTACK
        pushq   $2
        pushq   $UCODE
        pushq   $user
        iretq

/* ── User mode: two calls prove the way there and back, then the timed loop ─────────────────── */
user:   syscall
        syscall
        movl    $ROUNDS, %r15d
        movl    $BUFFER, %r14d
        movl    $0x9e3779b9, %r13d
        xorl    %r12d, %r12d            /* checksum; keeps every step needed */
round:  movl    $512, %ecx              /* memory and arithmetic, a line at a time */
1:      imull   $1664525, %r13d, %r13d
        addl    $1013904223, %r13d
        movl    %r13d, %eax
        shrl    $12, %eax
        andl    $0xffff8, %eax
        movq    (%r14, %rax), %rdx
        xorq    %r13, %rdx
        rolq    $7, %rdx
        addq    %rdx, %r12
        movq    %rdx, (%r14, %rax)
        testb   $4, %dl
        jz      2f
        lock incl 0x100(%r14)
2:      decl    %ecx
        jnz     1b
        syscall
        decl    %r15d
        jnz     round
        movl    $1, %r15d               /* the kernel ends it */
        syscall
        ud2

/* ── The kernel's side of a system call ────────────────────────────────────────────────────── */
/* rcx = user rip, r11 = user rflags; uses r8–r10, rax, rbx, rdx. */
syscall_entry:
        swapgs
        movq    %rsp, %r9
        movl    $STACK, %esp
        pushq   %rcx
        incl    %r8d
        cmpl    $2, %r8d
        je      proven
        ja      work
out:    popq    %rcx
        movq    %r9, %rsp
        swapgs
        sysretq
proven: mark    '7'
        mark    'L'
        jmp     out
work:   cmpl    $(ROUNDS + 3), %r8d
        je      done
        movl    $BUFFER, %esi           /* a slab allocator's freelist update */
        movq    0x400(%rsi), %rax
        movq    0x408(%rsi), %rdx
        leaq    1(%rax), %rbx
        movq    %r8, %rcx
        lock cmpxchg16b 0x400(%rsi)
        movl    $(BUFFER + 0x1000), %esi /* a page copied */
        movl    $(BUFFER + 0x3000), %edi
        movl    $512, %ecx
        rep movsq
        movabsq $LATE, %rax             /* a page unmapped and faulted in again */
        movq    $0, PDPT + 32
        invlpg  (%rax)
        testl   $15, %r8d
        jnz     1f
        movabsq $LATE + BUFFER, %rax
        movq    %cr3, %rdx              /* a context switch */
        movq    %rdx, %cr3
        movl    (%rax), %eax
1:      testl   $127, %r8d
        jnz     out
        xorl    %eax, %eax              /* what always leaves a guest */
        cpuid
        rdtsc
        jmp     out
done:   mark    'E'
        movl    $0x2a, %eax
        outl    %eax, $0xf4
halt:   cli
        hlt
        jmp     halt

/* ── Handlers ──────────────────────────────────────────────────────────────────────────────── */
/* A 64-bit interrupt gate to eax in the entry at edi. */
gate:   movl    %eax, %edx
        andl    $0xffff, %edx
        orl     $(CODE64 << 16), %edx
        movl    %edx, (%rdi)
        movl    %eax, %edx
        andl    $0xffff0000, %edx
        orl     $0x8e00, %edx
        movl    %edx, 4(%rdi)
        movq    $0, 8(%rdi)
        ret
breakpoint:
        incl    %ebx
        iretq
page_fault:                             /* maps 4–5 GiB onto 0–1 GiB and tries again */
        addq    $8, %rsp
        movq    $(PD | 7), PDPT + 32
        incl    %ebx
        iretq
timer:  incl    %ebx
        movb    $0x20, %al
        outb    %al, $0x20
        iretq
ipi:    incl    %ebp
        movl    $0, 0xb0(%rdi)
        iretq
fail:
unexpected:
        mark    'X'
        movl    $0x15, %eax
        outl    %eax, $0xf4
        jmp     halt

/* ── Tables ────────────────────────────────────────────────────────────────────────────────── */
        .balign 16
gdt:    .quad   0
        .quad   0x00cf9b000000ffff      /* CODE32 */
        .quad   0x00af9b000000ffff      /* CODE64 */
        .quad   0x00cf93000000ffff      /* DATA */
        .quad   0x00cff3000000ffff      /* UDATA */
        .quad   0x00affb000000ffff      /* UCODE */
        .quad   0x0000890000000067 | ((TSS_AT & 0xffff) << 16) | (((TSS_AT >> 16) & 0xff) << 32)
        .quad   0
gdt_end:
gdtr:   .word   gdt_end - gdt - 1       /* for the copy in the ROM */
        .long   gdt - start + ROM
gdtr64: .word   gdt_end - gdt - 1
        .quad   gdt
idtr:   .word   256 * 16 - 1
        .quad   IDT
        .set    TSS_AT, RAM + 0xe00     /* in the copy: the ROM's bytes are zero but for rsp0 */

        .org    start + 0xe00
        .long   0
        .quad   STACK                   /* rsp0 */
        .org    start + 0xe66
        .word   104                     /* no I/O bitmap */

        .org    start + 0xff0
        .code16
reset:  .byte   0xe9                    /* jmp near real */
        .word   start - (reset + 3)
        .org    start + 0x1000
