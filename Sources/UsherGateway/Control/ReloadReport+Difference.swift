import UsherConfiguration
import UsherConsole

extension ReloadReport.Change {
    init(_ entry: SettingsDifference.Entry) {
        let kind: ReloadReport.Kind =
            switch entry.kind {
            case .added: .added
            case .removed: .removed
            case .changed: .changed
            }
        self.init(path: entry.path, kind: kind, old: entry.old, new: entry.new, needsRestart: entry.needsRestart)
    }
}

extension Settings {
    /// These settings as far as they can be put in force without a restart.
    func keeping(restartOnlyOf running: Settings) -> Settings {
        var settings = self
        settings.workers = running.workers
        settings.state = running.state
        settings.secretFile = running.secretFile
        settings.admin = running.admin
        settings.log.access = running.log.access
        settings.log.format = running.log.format
        return settings
    }
}
