package rdb

import (
	"encoding/binary"
	"errors"
	"hash/crc64"
)

// Versions of the format.
const (
	Version    = 9  // written
	MaxVersion = 12 // read
)

// Opcode stands before an item that is not a key.
type Opcode byte

// Opcodes. Smaller bytes are types.
const (
	opSlotInfo     Opcode = 0xf4
	opFunction2    Opcode = 0xf5
	opFunctionPre  Opcode = 0xf6 // of release candidates of 7.0
	opModuleAux    Opcode = 0xf7
	opIdle         Opcode = 0xf8
	opFreq         Opcode = 0xf9
	opAux          Opcode = 0xfa
	opResizeDB     Opcode = 0xfb
	opExpireMs     Opcode = 0xfc
	opExpire       Opcode = 0xfd
	opSelectDB     Opcode = 0xfe
	opEOF          Opcode = 0xff
	firstOp               = opSlotInfo
	endBytes              = 8  // of the checksum
	footerBytes           = 10 // of a payload: version and checksum
	headerBytes           = 9
	checksumSince         = 5 // version
	containerPlain        = 1 // nodes of a quicklist
	containerPack         = 2
)

// Type is how a value is laid out.
type Type byte

// Types of values.
const (
	TypeString          Type = 0
	TypeList            Type = 1
	TypeSet             Type = 2
	TypeZset            Type = 3
	TypeHash            Type = 4
	TypeZset2           Type = 5
	TypeModulePre       Type = 6
	TypeModule          Type = 7
	TypeHashZipmap      Type = 9
	TypeListZiplist     Type = 10
	TypeSetIntset       Type = 11
	TypeZsetZiplist     Type = 12
	TypeHashZiplist     Type = 13
	TypeListQuicklist   Type = 14
	TypeStream          Type = 15
	TypeHashListpack    Type = 16
	TypeZsetListpack    Type = 17
	TypeListQuicklist2  Type = 18
	TypeStream2         Type = 19
	TypeSetListpack     Type = 20
	TypeStream3         Type = 21
	TypeHashTTLPre      Type = 22
	TypeHashListpackPre Type = 23
	TypeHashTTL         Type = 24
	TypeHashListpackTTL Type = 25
)

// First bytes of lengths and strings.
const (
	len14     = 0x40
	len32     = 0x80
	len64     = 0x81
	special   = 0xc0 // a string that is not its bytes
	stringI8  = 0xc0
	stringI16 = 0xc1
	stringI32 = 0xc2
	stringLZF = 0xc3
)

// jones is the polynomial in the order of bits that hash/crc64 wants.
var jones = crc64.MakeTable(0x95ac9329ac4bc9b5)

// CRC64 takes p into a checksum that begins with 0. Pass it a few kilobytes or more at once: it is four times as fast then.
func CRC64(crc uint64, p []byte) uint64 { return ^crc64.Update(^crc, jones, p) }

// AppendFooter ends a payload of DUMP that began at dst[start] with its type.
func AppendFooter(dst []byte, start int) []byte {
	dst = binary.LittleEndian.AppendUint16(dst, Version)
	return binary.LittleEndian.AppendUint64(dst, CRC64(0, dst[start:]))
}

// ErrPayload is the error of CheckPayload.
var ErrPayload = errors.New("rdb: the version or the checksum of a payload is wrong")

// CheckPayload checks the footer of a payload and returns what lies before it: type and value.
func CheckPayload(p []byte) ([]byte, error) {
	n := len(p) - footerBytes
	if n < 0 || binary.LittleEndian.Uint64(p[n+2:]) != CRC64(0, p[:n+2]) {
		return nil, ErrPayload
	}
	return UncheckedPayload(p)
}

// UncheckedPayload is CheckPayload without a look at the checksum.
func UncheckedPayload(p []byte) ([]byte, error) {
	n := len(p) - footerBytes
	if n < 0 || binary.LittleEndian.Uint16(p[n:]) > MaxVersion {
		return nil, ErrPayload
	}
	return p[:n], nil
}
