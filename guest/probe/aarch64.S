/*
 * The accelerator probe's guest for aarch64: what a stock kernel does in its first milliseconds, in 8 KiB.
 *
 * A raw image for `-M virt -kernel`: QEMU loads it at 0x40080000 and enters it at EL1 with the MMU off (a file
 * without Linux's header; QEMU docs, "arm/virt"). After each step it writes one character to the PL011:
 *
 *   1 EL1 entered   2 MMU and caches on   3 a 16-byte exclusive pair (and an exclusive counter)
 *   4 exceptions (brk, and a data abort that maps the page)   5 the virtual timer counts and expires
 *   6 SIMD, ID registers   7 user mode by eret and svc
 *   L the timed loop starts   E it has ended
 *
 * and leaves by PSCI SYSTEM_OFF (hvc, as virt's device tree says). Any unexpected exception writes `X`.
 *
 * Memory attributes matter: on real hardware exclusives work on cacheable memory alone, so the MMU comes first;
 * the tables are part of the image, because nothing written with the caches off may be read with them on.
 */
        .set PL011,   0x09000000
        .set BUFFER,  0x40400000        /* 1 MiB that the loop reads and writes */
        .set STACK,   0x40300000
        .set USTACK,  0x80380000
        .set LATE,    0x100000000       /* 4 GiB: mapped by the abort handler onto 1 GiB */
        .set ROUNDS,  8000
        .set DEVICE,  0x0060000000000405 /* attribute 1, access flag, kernel, never executed */
        .set NORMAL,  0x0000000000000701 /* attribute 0, inner shareable, access flag, kernel */
        .set USER,    0x0020000000000f41 /* the same for user mode; what it may write the kernel cannot execute */
        .set SHIFT,   0x40000000        /* user mode sees RAM this much higher */

        .macro mark char
        mov     w0, #\char
        strb    w0, [x28]
        .endm

        .text
        .globl  start
start:  mov     x28, #PL011
        mark    '1'

        mrs     x0, CurrentEL           /* EL2 or EL3 would be another machine than ours */
        cmp     x0, #4
        b.ne    fail
        adr     x0, vectors
        msr     vbar_el1, x0
        mov     x0, #0x04ff             /* attribute 0 normal write-back, 1 device nGnRE */
        msr     mair_el1, x0
        ldr     x0, =0x803519           /* 39 bits in, 32 out, 4 KiB, write-back, inner shareable; no TTBR1 */
        msr     tcr_el1, x0
        adrp    x19, table
        msr     ttbr0_el1, x19
        isb
        tlbi    vmalle1
        dsb     ish
        ic      iallu
        dsb     ish
        isb
        mov     x0, #(3 << 20)          /* SIMD for both levels */
        msr     cpacr_el1, x0
        mrs     x0, sctlr_el1
        mov     x1, #0x1005             /* MMU, data and instruction caches */
        orr     x0, x0, x1
        bic     x0, x0, #(1 << 19)      /* writable memory may be executed */
        msr     sctlr_el1, x0
        isb
        mov     x0, #STACK
        mov     sp, x0
        mark    '2'

        mov     x20, #BUFFER
        mov     x1, #7
        mov     x2, #9
        stp     x1, x2, [x20]
1:      ldaxp   x3, x4, [x20]
        add     x3, x3, #1
        add     x4, x4, #1
        stlxp   w5, x3, x4, [x20]
        cbnz    w5, 1b
        ldp     x1, x2, [x20]
        cmp     x1, #8
        ccmp    x2, #10, #0, eq
        b.ne    fail
        mark    '3'

        mov     x21, #0                 /* exceptions taken */
        brk     #0
        mov     w1, #0x1234
        str     w1, [x20]
        mov     x2, #LATE
        movk    x2, #(BUFFER & 0x3fff0000) >> 16, lsl #16
        ldr     w3, [x2]
        cmp     w3, w1
        ccmp    x21, #2, #0, eq
        b.ne    fail
        mark    '4'

        mrs     x1, cntvct_el0
        mrs     x2, cntfrq_el0
        cbz     x2, fail
        lsr     x2, x2, #10             /* about 1 ms */
        add     x2, x1, x2
        msr     cntv_cval_el0, x2
        mov     x0, #3                  /* on, and masked: no GIC is set up, the status bit tells */
        msr     cntv_ctl_el0, x0
        isb
1:      mrs     x0, cntv_ctl_el0
        tbz     x0, #2, 1b
        msr     cntv_ctl_el0, xzr
        mark    '5'

        mov     w1, #0x5a
        dup     v0.4s, w1
        add     v1.4s, v0.4s, v0.4s
        umov    w2, v1.s[3]
        cmp     w2, #0xb4
        b.ne    fail
        mrs     x0, midr_el1
        mrs     x1, id_aa64isar0_el1
        mrs     x1, id_aa64mmfr0_el1
        msr     tpidr_el1, x20
        mrs     x1, tpidr_el1
        cmp     x1, x20
        b.ne    fail
        mark    '6'

        mov     x22, #0                 /* system calls so far */
        mov     x0, #USTACK
        msr     sp_el0, x0
        msr     spsr_el1, xzr           /* EL0t */
        adr     x0, user
        mov     x1, #SHIFT
        add     x27, x20, x1            /* the buffer as user mode sees it */
        add     x0, x0, x1
        msr     elr_el1, x0
        eret

/* ── User mode: two calls prove the way there and back, then the timed loop ─────────────────── */
user:   svc     #0
        svc     #0
        mov     w9, #ROUNDS
        ldr     w10, =0x9e3779b9
        ldr     w11, =1664525
        ldr     w12, =1013904223
        mov     x13, #0
round:  mov     w14, #512
1:      madd    w10, w10, w11, w12
        ubfx    w15, w10, #15, #17
        ldr     x16, [x27, x15, lsl #3]
        eor     x16, x16, x10
        ror     x16, x16, #57
        add     x13, x13, x16
        str     x16, [x27, x15, lsl #3]
        tbz     w16, #2, 2f
        add     x17, x27, #0x100, lsl #12
3:      ldxr    w8, [x17]
        add     w8, w8, #1
        stxr    w7, w8, [x17]
        cbnz    w7, 3b
2:      subs    w14, w14, #1
        b.ne    1b
        svc     #0
        subs    w9, w9, #1
        b.ne    round
        svc     #0
        b       .

/* ── The kernel's side ─────────────────────────────────────────────────────────────────────── */
svc_entry:
        add     x22, x22, #1
        mrs     x25, elr_el1            /* a fault below would lose them */
        mrs     x26, spsr_el1
        cmp     x22, #2
        b.lo    out
        b.eq    proven
        ldr     w0, =ROUNDS + 3
        cmp     x22, x0
        b.eq    done
        add     x1, x20, #0x101, lsl #12 /* a freelist update */
1:      ldaxp   x2, x3, [x1]
        add     x3, x3, #1
        stlxp   w4, x2, x3, [x1]
        cbnz    w4, 1b
        add     x2, x20, #0x102, lsl #12 /* a page copied */
        add     x3, x20, #0x104, lsl #12
        mov     w4, #64
1:      ldp     x5, x6, [x2], #16
        stp     x5, x6, [x3], #16
        ldp     x5, x6, [x2], #16
        stp     x5, x6, [x3], #16
        ldp     x5, x6, [x2], #16
        stp     x5, x6, [x3], #16
        ldp     x5, x6, [x2], #16
        stp     x5, x6, [x3], #16
        subs    w4, w4, #1
        b.ne    1b
        str     xzr, [x19, #32]         /* a page unmapped and faulted in again */
        dsb     ishst
        mov     x1, #LATE >> 12
        tlbi    vaae1is, x1
        dsb     ish
        isb
        tst     x22, #15
        b.ne    out
        tlbi    vmalle1                 /* a context switch without ASIDs */
        dsb     ish
        isb
        mov     x1, #LATE
        movk    x1, #(BUFFER & 0x3fff0000) >> 16, lsl #16
        ldr     w2, [x1]
        tst     x22, #127
        b.ne    out
        mrs     x1, cntvct_el0
out:    msr     elr_el1, x25
        msr     spsr_el1, x26
        eret
proven: mark    '7'
        mark    'L'
        eret
done:   mark    'E'
off:    ldr     w0, =0x84000008         /* PSCI SYSTEM_OFF */
        hvc     #0
1:      wfi
        b       1b
fail:   mark    'X'
        b       off

sync_el1:                               /* brk: step over. Translation fault: map and try again */
        mrs     x23, esr_el1
        lsr     x24, x23, #26
        add     x21, x21, #1
        cmp     x24, #0x3c
        b.eq    1f
        cmp     x24, #0x25
        b.ne    fail
        ldr     x24, =0x40000000 + NORMAL
        str     x24, [x19, #32]
        dsb     ishst
        isb
        eret
1:      mrs     x24, elr_el1
        add     x24, x24, #4
        msr     elr_el1, x24
        eret

        .ltorg
        .balign 0x800
vectors:
        .rept   4                       /* current level, SP_EL0 */
        b       fail
        .balign 0x80
        .endr
        b       sync_el1                /* current level, SP_ELx */
        .balign 0x80
        .rept   3
        b       fail
        .balign 0x80
        .endr
        b       svc_entry               /* lower level, AArch64 */
        .balign 0x80
        .rept   7
        b       fail
        .balign 0x80
        .endr

        .balign 0x1000
table:  .quad   DEVICE
        .quad   0x40000000 + NORMAL
        .quad   0x40000000 + USER
        .quad   0, 0
        .balign 0x1000
