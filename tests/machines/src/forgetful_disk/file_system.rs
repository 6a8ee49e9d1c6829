//! What the kernel asks, answered from the tree.
//!
//! The kernel may keep what it was told for as long as it likes: nothing else changes the tree. Its cache stays between
//! openings, which shared memory maps need, and what is written goes to the tree at once.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo,
    LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty,
    ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use parking_lot::{Mutex, MutexGuard};
use rand::rngs::StdRng;

use super::stop_moment::StopMoment;
use super::tree::{Bytes, Content, Names, Node, ROOT, Tree};

/// How long the kernel may remember.
const FOREVER: Duration = Duration::from_secs(3600);
const GENERATION: Generation = Generation(0);
const NO_HANDLE: FileHandle = FileHandle(0);
const BLOCK_BYTES: u32 = 4096;
/// What a disk of 16 GiB says of itself, always half empty.
const BLOCKS: u64 = 4 * 1024 * 1024;
const LONGEST_NAME: u32 = 255;
/// Reported of folders; it says nothing.
const FOLDER_LINKS: u32 = 2;

/// What all mounts of a disk share.
#[derive(Debug)]
pub struct State {
    /// What is on it.
    pub tree: Tree,
    /// How many times the power has gone, or the machine has stopped.
    pub cuts: u64,
    /// What cannot be opened for the time being.
    pub faults: BTreeMap<u64, Errno>,
    /// When the machine stops.
    pub next_stop: Option<StopMoment>,
    /// What there is no room for.
    pub shortage: Option<Shortage>,
}

/// What a disk has no room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortage {
    /// Files cannot grow; what is there can be written over.
    Bytes,
    /// No further file or folder can be made: the inodes are used up.
    Names,
}

impl State {
    /// The power goes: from now on nothing that was started before can read or write.
    pub fn cut(&mut self, chance: &mut StdRng) {
        self.cuts += 1;
        self.tree.cut(chance);
        self.faults.clear();
        self.next_stop = None;
    }

    /// Whether the machine stops before this change, which is one of what has these names.
    fn stops_before(&mut self, names: &[&OsStr]) -> bool {
        let Some(moment) = &mut self.next_stop else { return false };
        if !moment.comes_before(names) {
            return false;
        }
        match self.next_stop.take().and_then(StopMoment::into_chance) {
            Some(mut chance) => self.cut(&mut chance),
            // Nothing is forgotten: only the processes end.
            None => self.cuts += 1,
        }
        true
    }

    fn has_room_for(&self, shortage: Shortage) -> Result<(), Errno> {
        if self.shortage == Some(shortage) { Err(Errno::ENOSPC) } else { Ok(()) }
    }
}

/// The disk as one boot of the machine has it mounted. After the next cut it answers nothing.
#[derive(Debug)]
pub struct Mounted {
    state: Arc<Mutex<State>>,
    boot: u64,
}

impl Mounted {
    pub fn new(state: Arc<Mutex<State>>) -> Self {
        let boot = state.lock().cuts;
        Self { state, boot }
    }

    fn state(&self) -> Result<MutexGuard<'_, State>, Errno> {
        let state = self.state.lock();
        if state.cuts == self.boot { Ok(state) } else { Err(Errno::EIO) }
    }

    /// The same for a change, or for what makes one last.
    fn changing(&self, number: INodeNo) -> Result<MutexGuard<'_, State>, Errno> {
        let mut state = self.state()?;
        let asks_for_names = state.next_stop.as_ref().is_some_and(StopMoment::asks_for_names);
        let name = if asks_for_names { state.tree.name_of(number.0) } else { None };
        let names: Vec<&OsStr> = name.iter().map(OsString::as_os_str).collect();
        if state.stops_before(&names) { Err(Errno::EIO) } else { Ok(state) }
    }

    /// The same for a change of names.
    fn changing_names(&self, names: &[&OsStr]) -> Result<MutexGuard<'_, State>, Errno> {
        let mut state = self.state()?;
        if state.stops_before(names) { Err(Errno::EIO) } else { Ok(state) }
    }

    fn open_node(&self, number: u64) -> Result<(), Errno> {
        let state = self.state()?;
        state.faults.get(&number).map_or(Ok(()), |fault| Err(*fault))
    }

    fn make(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        content: Content,
    ) -> Result<FileAttr, Errno> {
        let mut state = self.changing_names(&[name])?;
        state.has_room_for(Shortage::Names)?;
        let tree = &mut state.tree;
        if tree.find(parent.0, name).is_some() {
            return Err(Errno::EEXIST);
        }
        let number = tree.make(content, permissions(mode), (request.uid(), request.gid()));
        tree.change(vec![(parent.0, name.to_owned(), Some(number))]);
        attributes(tree, number)
    }

    fn remove(&self, parent: INodeNo, name: &OsStr) -> Result<(), Errno> {
        let mut state = self.changing_names(&[name])?;
        let tree = &mut state.tree;
        let number = tree.find(parent.0, name).ok_or(Errno::ENOENT)?;
        if tree.names(number).is_some_and(|names| !names.is_empty()) {
            return Err(Errno::ENOTEMPTY);
        }
        tree.change(vec![(parent.0, name.to_owned(), None)]);
        Ok(())
    }

    fn exchange(
        &self,
        from: (INodeNo, &OsStr),
        to: (INodeNo, &OsStr),
        flags: RenameFlags,
    ) -> Result<(), Errno> {
        let mut state = self.changing_names(&[from.1, to.1])?;
        let tree = &mut state.tree;
        let moved = tree.find(from.0.0, from.1).ok_or(Errno::ENOENT)?;
        let replaced = tree.find(to.0.0, to.1);
        let is_exchange = flags.contains(RenameFlags::RENAME_EXCHANGE);
        match replaced {
            None if is_exchange => return Err(Errno::ENOENT),
            Some(_) if flags.contains(RenameFlags::RENAME_NOREPLACE) => return Err(Errno::EEXIST),
            Some(replaced) if !is_exchange && replaced != moved => {
                match (tree.names(moved).is_some(), tree.names(replaced)) {
                    (false, Some(_)) => return Err(Errno::EISDIR),
                    (true, None) => return Err(Errno::ENOTDIR),
                    (true, Some(names)) if !names.is_empty() => return Err(Errno::ENOTEMPTY),
                    _ => {}
                }
            }
            _ => {}
        }
        if replaced == Some(moved) {
            return Ok(());
        }
        let left_behind = replaced.filter(|_| is_exchange);
        tree.change(vec![(from.0.0, from.1.to_owned(), left_behind), (to.0.0, to.1.to_owned(), Some(moved))]);
        Ok(())
    }
}

impl Filesystem for Mounted {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = self.state().and_then(|state| {
            let number = state.tree.find(parent.0, name).ok_or(Errno::ENOENT)?;
            attributes(&state.tree, number)
        });
        entry(reply, found);
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        attr(reply, self.state().and_then(|state| attributes(&state.tree, ino.0)));
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let changed = self.changing(ino).and_then(|mut state| {
            if let Some(size) = size {
                let bytes = state.tree.bytes_mut(ino.0).ok_or(Errno::EISDIR)?;
                bytes.resize(usize::try_from(size).map_err(|_| Errno::EFBIG)?);
            }
            let node = state.tree.node_mut(ino.0).ok_or(Errno::ENOENT)?;
            node.mode = mode.map_or(node.mode, permissions);
            node.owner = (uid.unwrap_or(node.owner.0), gid.unwrap_or(node.owner.1));
            match mtime {
                Some(TimeOrNow::SpecificTime(time)) => node.modified = time,
                Some(TimeOrNow::Now) => node.modified = SystemTime::now(),
                None => {}
            }
            attributes(&state.tree, ino.0)
        });
        attr(reply, changed);
    }

    fn mkdir(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        entry(reply, self.make(request, parent, name, mode & !umask, Content::Folder(Names::default())));
    }

    fn create(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        match self.make(request, parent, name, mode & !umask, Content::File(Bytes::default())) {
            Ok(attr) => reply.created(&FOREVER, &attr, GENERATION, NO_HANDLE, FopenFlags::FOPEN_KEEP_CACHE),
            Err(error) => reply.error(error),
        }
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(reply, self.remove(parent, name));
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(reply, self.remove(parent, name));
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        done(reply, self.exchange((parent, name), (newparent, newname), flags));
    }

    fn link(&self, _: &Request, ino: INodeNo, newparent: INodeNo, newname: &OsStr, reply: ReplyEntry) {
        let linked = self.changing_names(&[newname]).and_then(|mut state| {
            if state.tree.find(newparent.0, newname).is_some() {
                return Err(Errno::EEXIST);
            }
            state.tree.change(vec![(newparent.0, newname.to_owned(), Some(ino.0))]);
            attributes(&state.tree, ino.0)
        });
        entry(reply, linked);
    }

    fn open(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.open_node(ino.0) {
            Ok(()) => reply.opened(NO_HANDLE, FopenFlags::FOPEN_KEEP_CACHE),
            Err(error) => reply.error(error),
        }
    }

    fn opendir(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.open_node(ino.0) {
            Ok(()) => reply.opened(NO_HANDLE, FopenFlags::empty()),
            Err(error) => reply.error(error),
        }
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.state().map(|state| part_of(&state.tree, ino.0, offset, size)) {
            Ok(Some(data)) => reply.data(&data),
            Ok(None) => reply.error(Errno::EISDIR),
            Err(error) => reply.error(error),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let written = self.changing(ino).and_then(|mut state| {
            let offset = usize::try_from(offset).map_err(|_| Errno::EFBIG)?;
            let has_room = state.has_room_for(Shortage::Bytes);
            let bytes = state.tree.bytes_mut(ino.0).ok_or(Errno::EISDIR)?;
            if offset + data.len() > bytes.now().len() {
                has_room?;
            }
            bytes.write(offset, data);
            u32::try_from(data.len()).map_err(|_| Errno::EFBIG)
        });
        match written {
            Ok(size) => reply.written(size),
            Err(error) => reply.error(error),
        }
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        done(reply, self.changing(ino).map(|mut state| state.tree.sync(ino.0)));
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        done(reply, self.changing(ino).map(|mut state| state.tree.sync(ino.0)));
    }

    fn readdir(&self, _: &Request, ino: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let listed = self.state().and_then(|state| {
            let names = state.tree.names(ino.0).ok_or(Errno::ENOTDIR)?;
            let own = [(OsStr::new("."), ino.0), (OsStr::new(".."), ROOT)];
            let all = own.into_iter().chain(names.iter().map(|(name, number)| (name.as_os_str(), *number)));
            for (position, (name, number)) in
                (1..).zip(all).skip(usize::try_from(offset).unwrap_or(usize::MAX))
            {
                let kind = kind(state.tree.node(number).ok_or(Errno::ENOENT)?);
                if reply.add(INodeNo(number), position, kind, name) {
                    break;
                }
            }
            Ok(())
        });
        match listed {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(error),
        }
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let shortage = self.state().ok().and_then(|state| state.shortage);
        let free = |of: Shortage| if shortage == Some(of) { 0 } else { BLOCKS / 2 };
        let (bytes, names) = (free(Shortage::Bytes), free(Shortage::Names));
        reply.statfs(BLOCKS, bytes, bytes, BLOCKS, names, BLOCK_BYTES, LONGEST_NAME, BLOCK_BYTES);
    }
}

fn part_of(tree: &Tree, number: u64, offset: u64, size: u32) -> Option<Vec<u8>> {
    let Content::File(bytes) = &tree.node(number)?.content else { return None };
    let length = bytes.now().len();
    let from = usize::try_from(offset).map_or(length, |offset| offset.min(length));
    let to = length.min(from.saturating_add(usize::try_from(size).unwrap_or(usize::MAX)));
    Some(bytes.now()[from..to].to_vec())
}

fn permissions(mode: u32) -> u16 {
    u16::try_from(mode & 0o7777).unwrap_or(0o600)
}

fn kind(node: &Node) -> FileType {
    match node.content {
        Content::File(_) => FileType::RegularFile,
        Content::Folder(_) => FileType::Directory,
    }
}

fn attributes(tree: &Tree, number: u64) -> Result<FileAttr, Errno> {
    let node = tree.node(number).ok_or(Errno::ENOENT)?;
    let (size, nlink) = match &node.content {
        Content::File(bytes) => (bytes.now().len() as u64, node.links),
        Content::Folder(_) => (u64::from(BLOCK_BYTES), FOLDER_LINKS),
    };
    Ok(FileAttr {
        ino: INodeNo(number),
        size,
        blocks: size.div_ceil(512),
        atime: node.modified,
        mtime: node.modified,
        ctime: node.modified,
        crtime: node.modified,
        kind: kind(node),
        perm: node.mode,
        nlink,
        uid: node.owner.0,
        gid: node.owner.1,
        rdev: 0,
        blksize: BLOCK_BYTES,
        flags: 0,
    })
}

fn entry(reply: ReplyEntry, found: Result<FileAttr, Errno>) {
    match found {
        Ok(attr) => reply.entry(&FOREVER, &attr, GENERATION),
        Err(error) => reply.error(error),
    }
}

fn attr(reply: ReplyAttr, found: Result<FileAttr, Errno>) {
    match found {
        Ok(attr) => reply.attr(&FOREVER, &attr),
        Err(error) => reply.error(error),
    }
}

fn done(reply: ReplyEmpty, result: Result<(), Errno>) {
    match result {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error),
    }
}
